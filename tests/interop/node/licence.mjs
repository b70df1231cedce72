// What the samples' readers share: the folder, the roots, and what the licence must say. Nothing of Xinyin reads here.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const SAMPLES = join(process.env.DATA, 'samples')
export const sample = (name) => readFileSync(join(SAMPLES, name), 'utf8').trim()
export const json = (part) => JSON.parse(Buffer.from(part, 'base64url'))

/** Whom the samples' licence belongs to. */
export const HOLDER = JSON.parse(readFileSync(join(process.env.DATA, 'test-persons.json'))).persons[0]

const pems = (name) =>
  sample(name)
    .split(/(?<=-----END CERTIFICATE-----)/)
    .filter((text) => text.trim())
    .map((text) => new X509Certificate(text))
export const roots = pems('roots.pem')

/** The public key of the leaf of an `x5c` whose every certificate is signed by the next, and the last by a root. */
export function trusted(x5c, at) {
  const path = x5c.map((text) => new X509Certificate(Buffer.from(text, 'base64')))
  path.forEach((certificate, index) => {
    const above = path[index + 1] ?? roots.find((root) => certificate.checkIssued(root))
    assert.ok(above && certificate.checkIssued(above) && certificate.verify(above.publicKey), `no path from ${certificate.subject}`)
    assert.ok(new Date(certificate.validFrom) <= at && at < new Date(certificate.validTo), `${certificate.subject} does not hold at ${at}`)
  })
  return path[0]
}

/** The first second of a day in China, in epoch seconds. */
export const day = (text, days = 0) => Date.parse(`${text}T00:00:00+08:00`) / 1000 + days * 86_400

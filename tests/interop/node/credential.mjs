// The credential, read by `@sd-jwt/sd-jwt-vc`: signature of the leaf's key, disclosures, type, times, and the status that it names.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digest } from '@sd-jwt/crypto-nodejs'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { day, HOLDER, json, sample, SAMPLES, trusted } from './licence.mjs'

globalThis.crypto ??= webcrypto

const now = new Date()
const kinds = {
  ES256: [{ name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  EdDSA: [{ name: 'Ed25519' }, { name: 'Ed25519' }],
}
const verified = (x5c, alg) => async (data, signature) => {
  const spki = trusted(x5c, now).publicKey.export({ type: 'spki', format: 'der' })
  const key = await crypto.subtle.importKey('spki', spki, kinds[alg][0], false, ['verify'])
  return crypto.subtle.verify(kinds[alg][1], key, Buffer.from(signature, 'base64url'), Buffer.from(data))
}

/** The list that a sample names, as it was fetched when the sample was made. */
const list = (name) => async (uri) => {
  const evidence = JSON.parse(sample(`${name}.evidence.json`))
  const item = evidence.items.find((item) => item.kind === 'status_list' && item.uri === uri)
  return Buffer.from(item.body, 'base64').toString('ascii')
}

/** What the library makes of a sample; it throws what it refuses. */
async function read(name, text = sample(name)) {
  const { alg, x5c } = json(text.split('.')[0])
  const reader = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    verifier: verified(x5c, alg),
    statusListFetcher: list(name),
    statusVerifier: async (data, signature) => {
      const header = json(data.split('.')[0])
      return verified(header.x5c, header.alg)(data, signature)
    },
    statusValidator: async (status) => assert.equal(status, 0, `status ${status}`),
  })
  return reader.verify(text)
}

const { header, payload } = await read('valid.sdjwt')
assert.equal(header.typ, 'dc+sd-jwt')
assert.equal(payload.holder_name, HOLDER.name)
assert.equal(payload.holder_code, HOLDER.id_number)
assert.match(payload.identifier, /^1\.2\.156\.3005\.2\.\d+[A-Z0-9]+\.[0-9A-Z]{18}\.[0-9A-Z]{7,32}\.\d{3}\.[0-9A-Z]$/)
const { code, name } = payload.issuing_authority
assert.ok(payload.identifier.includes(code) && name)
assert.deepEqual([payload.nbf, payload.exp], [day(payload.valid_from), day(payload.valid_until, 1)])
assert.ok(payload.issue_date <= payload.valid_from && payload.valid_from < payload.valid_until)
assert.ok(payload.items.vehicle_class, 'an item disclosed inside `items`')

const refused = []
for (const [file, why] of [
  ['altered.sdjwt', /signature/i],
  ['expired.sdjwt', /expired/i],
  ['suspended.sdjwt', /status 2/],
  ['revoked.sdjwt', /status 1/],
  ['unknown-issuer.sdjwt', /no path/],
]) {
  await assert.rejects(read(file), why, file)
  refused.push(file)
}
// A disclosure left out is gone, and nothing else changes.
const names = (text) => text && json(text)[1]
const [jwt, ...disclosures] = sample('valid.sdjwt').split('~')
const nameless = disclosures.filter((text) => names(text) !== 'holder_name').slice(0, -1)
const partial = await read('valid.sdjwt', [jwt, ...nameless, ''].join('~'))
assert.deepEqual([partial.payload.holder_name, partial.payload.identifier], [undefined, payload.identifier])
// Another licence's disclosure belongs to nothing here, and the whole must be refused (RFC 9901 §7.1). The library passes it over:
// its name is at least not taken. We refuse.
const foreign = sample('revoked.sdjwt').split('~').find((text) => !text.includes('.') && names(text) === 'holder_name')
const mixed = [jwt, ...nameless, foreign, ''].join('~')
assert.equal((await read('valid.sdjwt', mixed)).payload.holder_name, undefined)
const { XINYIN, WORK } = process.env
writeFileSync(join(WORK, 'mixed.sdjwt'), mixed)
const ours = spawnSync(
  XINYIN,
  ['verify', join(WORK, 'mixed.sdjwt'), '--trust', join(SAMPLES, 'trust-bundle.json'), '--offline', '--format', 'json'],
  { encoding: 'utf8' },
)
const report = JSON.parse(ours.stdout)
assert.deepEqual([ours.status, report.verdict, report.cause], [1, 'invalid', 'form.disclosure'])
console.log(
  `@sd-jwt/sd-jwt-vc: holder ${payload.holder_name}, ${payload.identifier}, ${payload.valid_from} to ${payload.valid_until}; refused ${refused.join(', ')}`,
)

// The status list, read by `@sd-jwt/jwt-status-list`: what the samples' positions say, and what the running service publishes.
import assert from 'node:assert/strict'
import { createPublicKey, verify, webcrypto } from 'node:crypto'
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list'
import { json, sample, trusted } from './licence.mjs'

globalThis.crypto ??= webcrypto

/** A list whose signature leads to a root, read by the library. */
function read(jwt, uri) {
  const [head, body, signature] = jwt.split('.')
  const header = json(head)
  const claims = json(body)
  assert.equal(header.typ, 'statuslist+jwt')
  const options = { key: createPublicKey(trusted(header.x5c, new Date()).publicKey.export({ type: 'spki', format: 'pem' })), dsaEncoding: 'ieee-p1363' }
  const digest = header.alg === 'ES256' ? 'sha256' : null
  if (!verify(digest, Buffer.from(`${head}.${body}`), options, Buffer.from(signature, 'base64url'))) throw new Error('signature')
  assert.equal(claims.sub, uri)
  assert.ok(claims.exp > Date.now() / 1000 && claims.exp <= claims.iat + 86_400 && claims.ttl === 30)
  const list = getListFromStatusListJWT(jwt)
  assert.equal(list.getBitsPerStatus(), 2)
  assert.equal(list.statusList.length, 2 ** 20)
  return list
}

const told = []
for (const [name, status] of [['valid', 0], ['suspended', 2], ['revoked', 1], ['expired', 0]]) {
  const { idx, uri } = json(sample(`${name}.sdjwt`).split('.')[1]).status.status_list
  const evidence = JSON.parse(sample(`${name}.sdjwt.evidence.json`))
  const kept = Buffer.from(evidence.items.find((item) => item.uri === uri).body, 'base64').toString('ascii')
  assert.equal(read(kept, uri).getStatus(idx), status, `${name} in the evidence`)
  const answer = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } })
  assert.match(answer.headers.get('content-type'), /^application\/statuslist\+jwt/)
  const live = await answer.text()
  assert.equal(read(live, uri).getStatus(idx), status, `${name} in what is published`)
  told.push(`${name} ${status}`)
  const [head, body, signature] = live.split('.')
  const changed = Buffer.from(JSON.stringify({ ...json(body), ttl: 31 })).toString('base64url')
  assert.throws(() => read([head, changed, signature].join('.'), uri), /signature/)
}
// The altered licence names the same list; that it is altered is no matter of its status.
console.log(`@sd-jwt/jwt-status-list: ${told.join(', ')}, kept and published; refused a changed list`)

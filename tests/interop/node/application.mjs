// The application behind Apache: says what mod_auth_openidc handed on. And the forger, through which one of the hosts trades its
// code: `/forger/set?forge=…&token=…` says what it does with the next ID tokens.
import { createServer } from 'node:http'
import { forged, ISSUER } from './party.mjs'

const HERE = 'http://localhost:18106'
let forgery = {}

const handed = (headers) => {
  const header = (name) => headers[name] && Buffer.from(headers[name], 'latin1').toString('utf8')
  const claims = JSON.parse(header('oidc_id_token_payload') ?? 'null')
  const id_token = header('oidc_id_token')
  return {
    claims: claims ?? (id_token && JSON.parse(Buffer.from(id_token.split('.')[1], 'base64url'))),
    userinfo: JSON.parse(header('oidc_userinfo_json') ?? 'null'),
    id_token,
    access_token: header('oidc_access_token'),
    refresh_token: header('oidc_refresh_token'),
    user: header('oidc_claim_sub'),
  }
}

async function forger(request, body) {
  const { authorization } = request.headers
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization }
  const answer = await fetch(`${ISSUER}/token`, { method: 'POST', headers, body })
  const got = await answer.json()
  return [answer.status, got.id_token ? { ...got, id_token: forged(got.id_token, forgery) } : got]
}

createServer(async (request, response) => {
  let body = ''
  for await (const piece of request) body += piece
  const url = new URL(request.url, HERE)
  let [status, answer] = [200, {}]
  if (url.pathname === '/forger/set') forgery = Object.fromEntries(url.searchParams)
  else if (url.pathname === '/forger/openid-configuration')
    answer = { ...(await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()), token_endpoint: `${HERE}/forger/token` }
  else if (url.pathname === '/forger/token') [status, answer] = await forger(request, body)
  else if (url.pathname === '/signed-out') answer = { signed_out: true, state: url.searchParams.get('state') }
  else answer = handed(request.headers)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}).listen(18106, 'localhost', () => console.log('ready'))

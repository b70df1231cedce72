// What every relying party here looks like from outside: a few addresses that answer in JSON. The protocol itself is the
// library's business.
//
//   /login?forge=…&token=…   sends the browser to idp; the answer's ID token is changed first where `forge` is given:
//                            `signature` (one character), `claims` (another sub) or `replace` (by `token`)
//   /callback                what the library made of the answer, or 400 with its refusal
//   /refresh                 the refresh token used once
//   /old?token=…             whether the library still takes an ID token of yesterday
//   /logout, /signed-out     sign-out started here

import { createServer } from 'node:http'
import { webcrypto } from 'node:crypto'

globalThis.crypto ??= webcrypto

const env = (name) => process.env[name] ?? fail(`${name} is not set`)
const fail = (text) => {
  throw new Error(text)
}

export const ISSUER = env('ISSUER')
export const CLIENT_ID = env('CLIENT_ID')
export const CLIENT_SECRET = env('CLIENT_SECRET')
export const BASE = env('BASE')
export const REDIRECT_URI = `${BASE}/callback`
export const SIGNED_OUT = `${BASE}/signed-out`
export const SCOPE = 'openid profile phone offline_access'

/** Two days: what a token of yesterday is forgiven where only its signature is in question. */
export const YESTERDAY_SECONDS = 172_800

/** The ID token as a forger hands it on. */
export function forged(token, { forge, token: other }) {
  const [header, payload, signature] = token.split('.')
  if (forge === 'signature') {
    const changed = signature[8] === 'A' ? 'B' : 'A'
    return [header, payload, signature.slice(0, 8) + changed + signature.slice(9)].join('.')
  }
  if (forge === 'claims') {
    const claims = JSON.parse(Buffer.from(payload, 'base64url'))
    return [header, Buffer.from(JSON.stringify({ ...claims, sub: `${claims.sub}x` })).toString('base64url'), signature].join('.')
  }
  return forge === 'replace' ? other : token
}

export const decoded = (token) => ({
  header: JSON.parse(Buffer.from(token.split('.')[0], 'base64url')),
  claims: JSON.parse(Buffer.from(token.split('.')[1], 'base64url')),
})

/** Serves a party: `{login(query), callback(url), refresh(), old(token), logout()}`. */
export function serve(party) {
  const routes = {
    '/login': async (url) => ({ to: await party.login(Object.fromEntries(url.searchParams)) }),
    '/callback': async (url) => party.callback(url),
    '/refresh': async () => party.refresh(),
    '/old': async (url) => party.old(url.searchParams.get('token')),
    '/logout': async () => ({ to: await party.logout() }),
    '/signed-out': async (url) => ({ signed_out: true, state: url.searchParams.get('state') }),
  }
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, BASE)
    let [status, answer] = [404, { refused: 'no such address' }]
    try {
      if (routes[url.pathname]) [status, answer] = [200, await routes[url.pathname](url)]
    } catch (error) {
      const cause = error.cause?.message ?? error.cause?.error ?? error.error
      ;[status, answer] = [400, { refused: [error.code, error.message, cause].filter(Boolean).join(' · ') }]
    }
    if (answer.to) response.writeHead(302, { location: String(answer.to) }).end()
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  server.listen(Number(new URL(BASE).port), 'localhost', () => console.log('ready'))
}

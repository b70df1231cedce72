// A relying party of another make: logs in by discovery and a client alone.
// Prints the authorization request's URL, reads the callback's URL from its input, prints what it got as JSON.
import { webcrypto } from 'node:crypto'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

globalThis.crypto ??= webcrypto
const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE, PACKAGE } = process.env
const client = await import(pathToFileURL(`${PACKAGE}/build/index.js`))

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, client.ClientSecretBasic(CLIENT_SECRET), {
  execute: [client.allowInsecureRequests],
})
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const request = client.buildAuthorizationUrl(config, {
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
})
console.log(request.href)

const lines = createInterface({ input: process.stdin })
const { value: callback } = await lines[Symbol.asyncIterator]().next()
const tokens = await client.authorizationCodeGrant(config, new URL(callback), {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = tokens.refresh_token ? await client.refreshTokenGrant(config, tokens.refresh_token) : null
console.log(JSON.stringify({ claims, userinfo, refreshed: refreshed !== null, expires_in: tokens.expires_in }))
lines.close()

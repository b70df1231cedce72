// A relying party over `openid-client`, by discovery and a client alone; ID tokens' signatures are checked too.
import * as client from 'openid-client'
import * as party from './party.mjs'

let forgery = {}
let pending
let tokens

const proof = client.ClientSecretBasic(party.CLIENT_SECRET)
const habits = [client.allowInsecureRequests, client.enableNonRepudiationChecks]
const config = await client.discovery(new URL(party.ISSUER), party.CLIENT_ID, undefined, proof, { execute: habits })
const forge = async (url, options) => {
  const response = await fetch(url, options)
  if (!forgery.forge || String(url) !== config.serverMetadata().token_endpoint || !response.ok) return response
  const body = await response.json()
  return Response.json({ ...body, id_token: party.forged(body.id_token, forgery) })
}
config[client.customFetch] = forge

// The same client, forgiving an ID token its age.
const forgiving = { [client.clockTolerance]: party.YESTERDAY_SECONDS }
const patient = new client.Configuration(config.serverMetadata(), party.CLIENT_ID, forgiving, proof)
for (const habit of habits) habit(patient)
patient[client.customFetch] = forge

party.serve({
  async login(query) {
    const { forge, token, ...more } = query
    pending = {
      forgery: { forge, token },
      checks: {
        pkceCodeVerifier: client.randomPKCECodeVerifier(),
        expectedState: client.randomState(),
        expectedNonce: client.randomNonce(),
        idTokenExpected: true,
      },
    }
    return client.buildAuthorizationUrl(config, {
      redirect_uri: party.REDIRECT_URI,
      scope: party.SCOPE,
      code_challenge: await client.calculatePKCECodeChallenge(pending.checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: pending.checks.expectedState,
      nonce: pending.checks.expectedNonce,
      ...more,
    })
  },
  async callback(url) {
    forgery = pending.forgery
    try {
      tokens = await client.authorizationCodeGrant(config, url, pending.checks)
    } finally {
      forgery = {}
    }
    const claims = tokens.claims()
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    return { claims, userinfo, id_token: tokens.id_token, expires_in: tokens.expires_in }
  },
  async refresh() {
    const next = await client.refreshTokenGrant(config, tokens.refresh_token)
    const userinfo = await client.fetchUserInfo(config, next.access_token, tokens.claims().sub)
    const turned = next.refresh_token !== tokens.refresh_token && next.access_token !== tokens.access_token
    tokens = { ...next, id_token: next.id_token ?? tokens.id_token, claims: tokens.claims.bind(tokens) }
    return { turned, sub: userinfo.sub }
  },
  async old(token) {
    forgery = { forge: 'replace', token }
    try {
      const next = await client.refreshTokenGrant(patient, tokens.refresh_token)
      const claims = next.claims()
      tokens = { ...next, id_token: tokens.id_token, claims: tokens.claims.bind(tokens) }
      return { claims }
    } finally {
      forgery = {}
    }
  },
  async logout() {
    return client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: party.SIGNED_OUT,
      state: 'bye',
    })
  },
})

// A relying party over `oauth4webapi`, by discovery and a client alone; its key set is cached as the library advises.
import * as oauth from 'oauth4webapi'
import * as party from './party.mjs'

const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(party.ISSUER)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
const client = { client_id: party.CLIENT_ID }
const proof = oauth.ClientSecretBasic(party.CLIENT_SECRET)
const keys = { ...plain, [oauth.jwksCache]: {} }

let pending
let tokens

const forge = async (response, forgery) => {
  if (!forgery.forge || !response.ok) return response
  const body = await response.json()
  return Response.json({ ...body, id_token: party.forged(body.id_token, forgery) })
}

const userinfo = async (access, sub) =>
  oauth.processUserInfoResponse(server, client, sub, await oauth.userInfoRequest(server, client, access, plain))

async function renew(forgery, by) {
  const answer = await oauth.refreshTokenGrantRequest(server, by, proof, tokens.refresh_token, plain)
  const response = await forge(answer, forgery)
  const next = await oauth.processRefreshTokenResponse(server, by, response)
  if (next.id_token) await oauth.validateApplicationLevelSignature(server, response, keys)
  return next
}

party.serve({
  async login(query) {
    const { forge, token, ...more } = query
    const [state, nonce, verifier] = [oauth.generateRandomState(), oauth.generateRandomNonce(), oauth.generateRandomCodeVerifier()]
    pending = { forgery: { forge, token }, state, nonce, verifier }
    const url = new URL(server.authorization_endpoint)
    url.search = new URLSearchParams({
      client_id: party.CLIENT_ID,
      response_type: 'code',
      redirect_uri: party.REDIRECT_URI,
      scope: party.SCOPE,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...more,
    })
    return url
  },
  async callback(url) {
    const parameters = oauth.validateAuthResponse(server, client, url, pending.state)
    const answer = await oauth.authorizationCodeGrantRequest(
      server, client, proof, parameters, party.REDIRECT_URI, pending.verifier, plain,
    )
    const response = await forge(answer, pending.forgery)
    const got = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: pending.nonce,
      requireIdToken: true,
    })
    await oauth.validateApplicationLevelSignature(server, response, keys)
    const claims = oauth.getValidatedIdTokenClaims(got)
    tokens = { ...got, sub: claims.sub }
    return { claims, userinfo: await userinfo(got.access_token, claims.sub), id_token: got.id_token, expires_in: got.expires_in }
  },
  async refresh() {
    const next = await renew({}, client)
    const turned = next.refresh_token !== tokens.refresh_token && next.access_token !== tokens.access_token
    tokens = { ...tokens, ...next }
    return { turned, sub: (await userinfo(next.access_token, tokens.sub)).sub }
  },
  async old(token) {
    const patient = { ...client, [oauth.clockTolerance]: party.YESTERDAY_SECONDS }
    const next = await renew({ forge: 'replace', token }, patient)
    tokens = { ...tokens, refresh_token: next.refresh_token, access_token: next.access_token }
    return { claims: oauth.getValidatedIdTokenClaims(next) }
  },
  async logout() {
    const url = new URL(server.end_session_endpoint)
    url.search = new URLSearchParams({
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: party.SIGNED_OUT,
      state: 'bye',
    })
    return url
  },
})

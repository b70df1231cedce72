// The relying parties of others log in at a running Xinyin, one after the other, each by discovery and a client alone; then the
// keys turn over under them. The person is a Visitor, who has no scripts.
//
// A key is announced a day before it signs. So that nobody waits, provider and parties share a clock (libfaketime), and the story
// moves it on.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Visitor, words } from './visitor.mjs'

const { XINYIN, DATA, WORK, CLOCK, LIBFAKETIME, VENV, APACHE, MODULES, SPRING } = process.env
const ISSUER = 'http://localhost:8080'
const DAY_SECONDS = 86_400
const names = process.argv.slice(2)

const person = JSON.parse(readFileSync(join(DATA, 'test-persons.json'))).persons[0]
const clocked = {
  LD_PRELOAD: LIBFAKETIME,
  FAKETIME_TIMESTAMP_FILE: CLOCK,
  FAKETIME_CACHE_DURATION: '1',
  DONT_FAKE_MONOTONIC: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
}
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'))
const children = []

/** Each with the algorithm of its ID tokens, its hosts and how it is started. */
const PARTIES = {
  'openid-client': { alg: 'ES256', ports: [18101], start: () => start('openid-client', process.execPath, ['openid-client.mjs']), iss: true },
  oauth4webapi: { alg: 'EdDSA', ports: [18102], start: () => start('oauth4webapi', process.execPath, ['oauth4webapi.mjs']), iss: true },
  authlib: { alg: 'ES256', ports: [18103], start: () => start('authlib', join(VENV, 'bin/python'), [process.env.AUTHLIB]) },
  apache: {
    alg: 'RS256',
    ports: [18104, 18105],
    start: async () => {
      await start('application', process.execPath, ['application.mjs'])
      await start('apache', APACHE, ['-X', '-f', process.env.APACHE_CONF])
    },
    login: () => 'http://localhost:18104/protected',
    forged: async (forgery) => {
      await fetch(`http://localhost:18106/forger/set?${new URLSearchParams(forgery)}`)
      return 'http://localhost:18105/protected'
    },
    refresh: (before) =>
      `http://localhost:18104/callback?${new URLSearchParams({ refresh: 'http://localhost:18104/protected', access_token: before.access_token })}`,
    logout: 'http://localhost:18104/callback?logout=http%3A%2F%2Flocalhost%3A18104%2Fsigned-out',
    state: null,
  },
  spring: { alg: 'RS256', ports: [18107], state: null, clock: 'its own', start: () => start('spring', 'java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-jar', SPRING]) },
}

function start(name, program, args) {
  const party = running[name] ?? running.apache
  const file = join(WORK, `${name}.log`)
  const log = openSync(file, 'w')
  const base = `http://localhost:${party.ports[0]}`
  const env = {
    ...process.env, ...(party.clock === 'its own' ? {} : clocked), ISSUER, BASE: base, CLIENT_ID: party.client_id, CLIENT_SECRET: party.client_secret,
    RUN: WORK, MODULES, PASSPHRASE: party.client_secret,
  }
  const child = spawn(program, args, { env, stdio: ['ignore', log, log] })
  children.push(child)
  return ready(child, name === 'application' ? 'http://localhost:18106' : base, file)
}

async function ready(child, base, log) {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) break
    if (await fetch(`${base}/signed-out`).then((answer) => answer.ok, () => false)) return
    await pause(100)
  }
  throw new Error(`${child.spawnargs.slice(0, 2).join(' ')} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`)
}

function xinyin(...args) {
  return execFileSync(XINYIN, args, { env: { ...process.env, ...clocked }, encoding: 'utf8' })
}

function register(name, party) {
  const uris = party.ports.flatMap((port) => ['--redirect-uri', `http://localhost:${port}/callback`])
  const out = xinyin(
    'client', 'add', '--data', DATA, '--client-id', `interop-${name}`, '--name', name, ...uris,
    '--post-logout-redirect-uri', `http://localhost:${party.ports[0]}/signed-out`,
    '--scope', 'openid profile phone offline_access', '--id-token-alg', party.alg, '--format', 'json',
  )
  return JSON.parse(out)
}

const json = (page) => {
  try {
    return JSON.parse(page.body)
  } catch {
    throw new Error(`${page.url} answered ${page.status}: ${words(page)}`)
  }
}
const keySet = async () => (await (await fetch(`${ISSUER}/jwks`)).json()).keys
const loginOf = (party) => party.login?.() ?? `http://localhost:${party.ports[0]}/login`
const go = (party, url, stop) => party.visitor.go(url, person, { issuer: ISSUER, stop })

/** A whole login, and what the party made of it. */
async function logIn(party) {
  const page = await go(party, loginOf(party))
  const got = json(page)
  assert.ok(page.status === 200 && got.claims, `the login was refused: ${words(page)}`)
  const [header, payload] = got.id_token.split('.').slice(0, 2).map(decoded)
  assert.equal(header.alg, party.alg)
  assert.ok((await keySet()).some((key) => key.kid === header.kid && key.alg === party.alg), 'the kid is published')
  assert.equal(got.claims.sub, payload.sub)
  assert.equal(got.userinfo.sub, payload.sub)
  assert.equal(got.userinfo.name, person.name)
  assert.equal(got.userinfo.phone_number_verified, true)
  assert.deepEqual([payload.iss, payload.aud, payload.acr], [ISSUER, party.client_id, 'urn:xinyin:acr:2'])
  assert.ok(payload.nonce, 'a nonce was sent and came back')
  return { ...got, kid: header.kid }
}

/** An answer that must be refused by the party, and for this reason. */
async function refusedBy(party, [what, reason], answer) {
  const mark = log(party).length
  const page = await answer()
  // mod_auth_openidc says so on a page of its own, with status 200; why, it says in its log alone.
  const refused = page.status >= 400 || (party.login && /^Error\b/.test(words(page)))
  assert.ok(refused, `${what} was taken: ${page.status} ${page.url} ${words(page)}`)
  assert.match(party.login ? log(party).slice(mark) : words(page), reason, what)
  return what
}
const log = ({ name }) => readFileSync(join(WORK, `${name}.log`), 'utf8')

async function refusals(party, others) {
  const told = []
  const stranger = { ...party, visitor: new Visitor() }
  const at = (forgery) => `${loginOf(party)}?${new URLSearchParams(forgery)}`
  const [other] = others
  const forgeries = [
    [['a changed signature', /signature/i], { forge: 'signature' }],
    [['changed claims', /signature/i], { forge: 'claims' }],
    [['an ID token of an earlier login', /nonce/i], { forge: 'replace', token: party.first.id_token }],
    ...(other ? [[["another client's ID token", /aud|azp|nonce/i], { forge: 'replace', token: other.first.id_token }]] : []),
  ]
  for (const [kind, forgery] of forgeries)
    told.push(await refusedBy(party, kind, async () => go(stranger, (await party.forged?.(forgery)) ?? at(forgery))))
  if (other && !party.login) {
    // The same without a nonce in question.
    const old = `http://localhost:${party.ports[0]}/old?${new URLSearchParams({ token: other.first.id_token })}`
    await refusedBy(party, ["another client's ID token", /aud|azp/i], () => stranger.visitor.get(old))
  }
  const called = (next) => party.ports.some((port) => next.startsWith(`http://localhost:${port}/callback`))
  for (const name of ['state', ...(party.iss ? ['iss'] : [])]) {
    const back = new URL((await go(stranger, loginOf(party), called)).next)
    assert.ok(back.searchParams.get('code'), back.href)
    back.searchParams.set(name, name === 'iss' ? 'https://id.example.cn' : 'another')
    const kind = [`another ${name}`, name === 'iss' ? /issuer/i : /state|authorization_request_not_found/i]
    told.push(await refusedBy(party, kind, () => stranger.visitor.get(back.href)))
  }
  // Where nothing is changed on the way, the same road leads in.
  const clean = json(await go({ ...party, visitor: new Visitor() }, (await party.forged?.({})) ?? at({ forge: 'nothing' })))
  assert.equal(clean.userinfo?.name, person.name)
  // idp refuses to answer anywhere but where it was told to.
  const asks = (next) => next.startsWith(`${ISSUER}/authorize`)
  const request = new URL((await go(stranger, loginOf(party), asks)).next)
  request.searchParams.set('redirect_uri', `http://localhost:${party.ports[0]}/callback/`)
  const page = await stranger.visitor.get(request.href)
  assert.ok(page.status === 400 && page.url.startsWith(ISSUER) && !page.next, `${page.status} ${page.url}`)
  return [...told, 'idp: another redirect_uri']
}

async function before(name, party) {
  Object.assign(party, register(name, party), { name })
  await party.start()
  party.visitor = new Visitor()
  party.first = await logIn(party)
  assert.deepEqual(party.visitor.seen, ['sign-in', 'consent'], 'the person saw both pages, once')
  party.first = { ...party.first, refreshed: await refresh(party, party.first) }
}

async function refresh(party, got) {
  const page = await party.visitor.get(party.refresh?.(got) ?? `http://localhost:${party.ports[0]}/refresh`)
  const answer = json(page)
  assert.equal(page.status, 200, words(page))
  const turned = answer.turned ?? (answer.access_token !== got.access_token && answer.refresh_token !== got.refresh_token)
  assert.ok(turned, 'both tokens turned over')
  assert.equal(answer.sub ?? answer.userinfo.sub, got.userinfo.sub)
}

/** A day later, after the keys turned over. */
async function after(party) {
  const old = party.first
  if (party.login) {
    // Apache holds the session of yesterday: an ID token of the key that is retired now is the hint that signs out at idp.
    const kept = json(await party.visitor.get(loginOf(party)))
    assert.equal(decoded(kept.id_token.split('.')[0]).kid, old.kid)
    await signOut(party)
    party.visitor = new Visitor()
  } else {
    const page = await party.visitor.get(`http://localhost:${party.ports[0]}/old?${new URLSearchParams({ token: old.id_token })}`)
    assert.equal(json(page).claims?.sub, old.claims.sub, words(page))
  }
  party.second = await logIn(party)
  assert.notEqual(party.second.kid, old.kid, 'a new key signs')
  assert.equal(party.second.claims.sub, old.claims.sub)
  await refresh(party, party.second)
  await signOut(party)
  const asked = party.visitor.seen.length
  await logIn(party)
  assert.equal(party.visitor.seen[asked], 'sign-in', 'signed out: the person is asked again')
}

async function signOut(party) {
  const page = await party.visitor.get(party.logout ?? `http://localhost:${party.ports[0]}/logout`)
  assert.ok(page.url.startsWith(`http://localhost:${party.ports[0]}/signed-out`), `${page.status} ${page.url} ${words(page)}`)
  assert.deepEqual(json(page), { signed_out: true, state: party.state === undefined ? 'bye' : party.state })
}

async function rotate() {
  const store = ['--store', join(DATA, 'keys/idp.keys'), '--passphrase-file', join(DATA, 'keys/passphrase')]
  const kinds = new Set(Object.values(running).map((party) => party.alg))
  const made = [...kinds].map((kind) => JSON.parse(xinyin('keys', 'rotate', 'id_token', '--kind', kind, ...store, '--format', 'json')))
  for (let tries = 0; tries < 400; tries++) {
    const published = (await keySet()).map((key) => key.kid)
    if (made.every(({ kid }) => published.includes(kid))) break
    await pause(100)
  }
  const published = (await keySet()).map((key) => key.kid)
  assert.ok(made.every(({ kid }) => published.includes(kid)), 'idp announces the new keys within 40 s')
  writeFileSync(CLOCK, `+${DAY_SECONDS + 120}\n`)
  await pause(2500)
}

const running = Object.fromEntries(names.map((name) => [name, PARTIES[name]]))
const failures = {}
const attempt = async (name, work) => {
  if (failures[name]) return
  try {
    await work()
  } catch (error) {
    const log = readFileSync(join(WORK, `${name}.log`), { encoding: 'utf8', flag: 'a+' }).trim().slice(-800)
    failures[name] = `${error.stack}${log && `\n  its log ends:\n${log}`}`
  }
}
try {
  for (const [name, party] of Object.entries(running)) await attempt(name, () => before(name, party))
  for (const [name, party] of Object.entries(running)) {
    const others = Object.values(running).filter((other) => other !== party && other.first && other.alg === party.alg)
    const any = Object.values(running).filter((other) => other !== party && other.first)
    await attempt(name, async () => (party.refused = await refusals(party, others.length ? others : any)))
  }
  await rotate()
  for (const [name, party] of Object.entries(running)) await attempt(name, () => after(party))
} finally {
  for (const child of children) child.kill()
}
for (const [name, party] of Object.entries(running)) {
  if (failures[name]) {
    console.log(`FAILED  ${name}: ${failures[name]}`)
    continue
  }
  const [first, second] = [party.first.kid.slice(0, 6), party.second.kid.slice(0, 6)]
  console.log(
    `passed  ${name}: discovery, code with PKCE, nonce, state, ${party.alg} ID token, userinfo, refresh; key ${first} -> ${second}, ` +
      `the old token still taken; signed out. Refused: ${party.refused.join(', ')}`,
  )
}
process.exitCode = Object.keys(failures).length ? 1 : 0

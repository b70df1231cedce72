// `@simplewebauthn/server` as second opinion on what the registration page and the sign-in page make of passkeys: a real Chromium
// with a virtual authenticator uses the pages, and what passes between page and device is judged here. What idp itself says is
// seen by where the browser ends up.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'

globalThis.crypto ??= webcrypto

const IDP = 'http://localhost:8080'
const INBOX = 'http://localhost:8084'
/** Known to the registers of the demonstration, without an account. */
const LIN = { name: '林演示', number: '640104199510100003', phone: '10000000101' }
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] })
let session

async function story() {
  session = await begin()
  await post('webauthn/authenticator', {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserConsenting: true, isUserVerified: true,
  })
  await open(`${IDP}/register`)
  await fill('#name', LIN.name)
  await fill('#number', LIN.number)
  await fill('#phone', LIN.phone)
  await click('#submit')
  await find('#code')
  const back = await get('url')
  await open(INBOX)
  const code = await get(`element/${await find('.digits')}/text`)
  await open(back)
  await fill('#code', code)
  await click('#submit')
  await find('#passkey')
  const { options: asked, answer: made } = await watched('create', () => click('#passkey'), `${IDP}/account`)
  const { registrationInfo, verified } = await verifyRegistrationResponse({
    response: { ...made, clientExtensionResults: {} }, expectedChallenge: asked.challenge, expectedOrigin: IDP, expectedRPID: 'localhost', requireUserVerification: true,
  })
  assert.ok(verified && registrationInfo.userVerified)
  assert.deepEqual([asked.rp.id, asked.authenticatorSelection.residentKey, asked.authenticatorSelection.userVerification], ['localhost', 'required', 'required'])
  assert.ok(asked.pubKeyCredParams.some(({ alg }) => alg === -7))
  assert.ok(!JSON.stringify(asked).includes(LIN.number), 'the device is not told the number')
  await assert.rejects(
    verifyRegistrationResponse({ response: { ...made, clientExtensionResults: {} }, expectedChallenge: asked.challenge, expectedOrigin: 'http://localhost:8081', expectedRPID: 'localhost' }),
    /origin/i,
  )

  await click('.tools button[name=sign-out]')
  await find('#continue')
  await open(`${IDP}/account`)
  await find('#login')
  const { options: questioned, answer: signed } = await watched('get', () => click('#passkey'), `${IDP}/account`)
  const judged = (answer, challenge, credential = registrationInfo.credential) =>
    verifyAuthenticationResponse({
      response: { ...answer, clientExtensionResults: {} }, expectedChallenge: challenge, expectedOrigin: IDP, expectedRPID: 'localhost', credential, requireUserVerification: true,
    })
  assert.ok((await judged(signed, questioned.challenge)).verified)
  assert.equal(signed.response.userHandle, asked.user.id, 'the handle of the registration')
  assert.equal(questioned.userVerification, 'required')
  assert.notEqual(questioned.challenge, asked.challenge)
  await assert.rejects(judged(signed, asked.challenge), /challenge/i)
  const changed = Buffer.from(signed.response.signature, 'base64url')
  changed[changed.length - 1] ^= 1
  const forged = await judged({ ...signed, response: { ...signed.response, signature: changed.toString('base64url') } }, questioned.challenge)
  assert.equal(forged.verified, false)
  return `@simplewebauthn/server: passkey of the registration page (${registrationInfo.credentialDeviceType}, user verified) and the sign-in with it; refused another origin, another challenge, a changed signature`
}

/** Does `act` and answers what the page asked the device and gave to idp, as they went through the page's own script. */
async function watched(kind, act, arrival) {
  await execute(`
    const kind = arguments[0]
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '')
    const plain = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? text(value.buffer ?? value)
      : Array.isArray(value) ? value.map(plain)
      : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)])) : value
    const before = navigator.credentials[kind].bind(navigator.credentials)
    navigator.credentials[kind] = (options) => {
      sessionStorage.setItem('asked', JSON.stringify(plain(options.publicKey)))
      return before(options)
    }
    const form = document.getElementById('passkey').form
    form.addEventListener('formdata', (event) => event.formData.get('answer') && sessionStorage.setItem('answer', event.formData.get('answer')))
  `, [kind])
  await act()
  await until(async () => (await get('url')).startsWith(arrival), `to arrive at ${arrival}`)
  const [asked, answer] = await execute("return ['asked', 'answer'].map((name) => sessionStorage.getItem(name))")
  assert.ok(asked && answer, 'the page asked the device and sent its answer')
  return { options: JSON.parse(asked), answer: JSON.parse(answer) }
}

async function begin() {
  let port
  for await (const line of createInterface({ input: driver.stdout })) {
    port = /successfully on port (\d+)/.exec(line)?.[1]
    if (port) break
  }
  const args = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--no-proxy-server',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--lang=zh-CN',
    `--user-data-dir=${mkdtempSync(join(process.env.WORK, 'browser-'))}`,
  ]
  const capabilities = { alwaysMatch: { browserName: 'chrome', 'goog:chromeOptions': { args } } }
  const { sessionId } = await send(`http://127.0.0.1:${port}/session`, { capabilities })
  return `http://127.0.0.1:${port}/session/${sessionId}`
}

async function send(url, body) {
  const answer = await fetch(url, body && { method: 'POST', body: JSON.stringify(body) })
  const { value } = await answer.json()
  if (value?.error) throw new Error(`${url.split('/').pop()}: ${value.error} ${value.message}`)
  return value
}
const get = (path) => send(`${session}/${path}`)
const post = (path, body) => send(`${session}/${path}`, body)
const open = (url) => post('url', { url })
const execute = (script, args = []) => post('execute/sync', { script, args })

async function until(holds, what) {
  for (let tries = 0; tries < 300; tries++) {
    const found = await holds()
    if (found) return found
    await pause(100)
  }
  throw new Error(`waited in vain ${what}; at ${await get('url')}: ${await execute('return document.body.innerText.slice(0, 600)')}`)
}
const find = (selector) =>
  until(async () => (await post('elements', { using: 'css selector', value: selector }))[0]?.[ELEMENT], `for ${selector}`)
const click = async (selector) => post(`element/${await find(selector)}/click`, {})
const fill = async (selector, text) => post(`element/${await find(selector)}/value`, { text })

try {
  console.log(await story())
} finally {
  if (session) await fetch(session, { method: 'DELETE' }).catch(() => {})
  driver.kill()
}

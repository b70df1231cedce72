// The plainest browser: cookies, forms and redirects, no script. It is the person of every story here.
import { request } from 'node:http'

const REDIRECTS = 12

export class Visitor {
  /** Steps of idp in which a form was filled in, in order. */
  seen = []
  #cookies = new Map()

  /** Goes to `url` and does what idp asks of `person`, until a page of somebody else comes or `stop` says so of the next address. */
  async go(url, person, { issuer, stop = () => false }) {
    let page = await this.#follow(await this.#send(url), stop)
    for (let step = 0; step < 6; step++) {
      const { pathname, origin } = new URL(page.url)
      const name = pathname.split('/')[1]
      if (page.next || origin !== issuer || page.status >= 400 || !['sign-in', 'consent'].includes(name)) return page
      this.seen.push(name)
      const own = ({ action, fields }) => (name === 'sign-in' ? fields.has('login') : new URL(action).pathname === pathname)
      const form = forms(page).find(own)
      if (!form) throw new Error(`${page.url} has no form of its own:\n${words(page)}`)
      if (name === 'sign-in') form.fields.set('login', person.id_number).set('password', person.password)
      page = await this.#follow(await this.#send(form.action, new URLSearchParams([...form.fields])), stop)
    }
    throw new Error(`idp asks without end: ${this.seen}`)
  }

  /** Goes to an address and follows redirects. */
  async get(url) {
    return this.#follow(await this.#send(url), () => false)
  }

  async #follow(page, stop) {
    for (let count = 0; page.next && !stop(page.next); count++) {
      if (count === REDIRECTS) throw new Error(`too many redirects, last to ${page.next}`)
      page = await this.#send(page.next)
    }
    return page
  }

  async #send(url, form) {
    const { hostname, origin } = new URL(url)
    const jar = this.#cookies.get(hostname) ?? new Map()
    this.#cookies.set(hostname, jar)
    const { status, headers, body } = await navigate(url, form, {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'accept-language': 'zh-CN',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      ...(jar.size ? { cookie: [...jar].map((pair) => pair.join('=')).join('; ') } : {}),
      ...(form ? { origin, 'content-type': 'application/x-www-form-urlencoded' } : {}),
    })
    for (const line of headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (!name) continue
      if (value === '' || /max-age=0\b|expires=thu, 01.jan.1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    const page = { url: String(url), status, body }
    const target = headers.location ?? moves(headers.refresh) ?? moves(refresh(body))
    if (target) page.next = new URL(target, url).href
    return page
  }
}

/** One request as a browser makes it; `fetch` would say of itself that it is none. */
const navigate = (url, form, headers) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: form ? 'POST' : 'GET', headers, timeout: 30_000 }, async (answer) => {
      const pieces = []
      try {
        for await (const piece of answer) pieces.push(piece)
        resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces).toString('utf8') })
      } catch (error) {
        reject(error)
      }
    })
    sent.on('timeout', () => sent.destroy(new Error(`${url} does not answer`)))
    sent.on('error', reject)
    sent.end(form && String(form))
  })

/** What can be read on a page. */
export const words = ({ body }) =>
  (/<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 600)

/** The forms of a page, each with the fields that a browser would send. */
function forms(page) {
  return [...page.body.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag, inside]) => {
    const fields = new Map()
    for (const [, rest] of inside.matchAll(/<input\b([^>]*)>/g)) {
      const input = attributes(rest)
      const unset = ['checkbox', 'radio'].includes(input.type) && !('checked' in input)
      if (input.name && !unset && input.type !== 'submit') fields.set(input.name, input.value ?? '')
    }
    return { action: new URL(attributes(tag).action ?? '', page.url).href, fields }
  })
}

function refresh(html) {
  const meta = [...html.matchAll(/<meta\b([^>]*)>/g)].map(([, rest]) => attributes(rest))
  return meta.find((tag) => tag['http-equiv']?.toLowerCase() === 'refresh')?.content
}

const moves = (text) => text?.match(/^\s*\d+\s*;\s*(?:url=)?(.+)$/i)?.[1]

function attributes(text) {
  const found = [...text.matchAll(/([a-z-]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/gi)]
  return Object.fromEntries(found.map(([, name, a, b, c]) => [name.toLowerCase(), plain(a ?? b ?? c ?? '')]))
}

const plain = (text) =>
  text
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number)))
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')

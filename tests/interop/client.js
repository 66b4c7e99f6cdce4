// A client made of npm's coap, against coap2-server: `node client.js PORT`
// prints `ok - ...` and `not ok - ...`, a line a check.
'use strict'

const dgram = require('dgram')
const coap = require('coap')
const { generate, parse } = require('coap-packet')

const port = Number(process.argv[2])
const hex = (bytes) => bytes.toString('hex')

// Bytes stay bytes.
for (const name of ['ETag', 'If-Match', 'If-None-Match']) {
  coap.registerOption(name, (bytes) => bytes, (bytes) => bytes)
}
coap.updateTiming({ ackTimeout: 2, maxRetransmit: 2 })

function check (name, wanted, got) {
  const [a, b] = [JSON.stringify(wanted), JSON.stringify(got)]

  console.log((a === b ? 'ok - ' : 'not ok - ') + 'npm client: ' + name)
  if (a !== b) console.log('    wanted ' + a + '\n    got ' + b)
}

// Ask; what is wanted of the answer is in the same words as what comes.
function ask (method, pathname, more = {}) {
  return new Promise((resolve) => {
    const { payload, options, ...rest } = more
    const req = coap.request({
      hostname: '127.0.0.1', port, method, pathname, retrySend: 2, ...rest
    })

    for (const [name, value] of options ?? []) req.setOption(name, value)
    req.on('response', (res) => {
      resolve({
        code: res.code,
        payload: res.payload.toString(),
        bytes: res.payload,
        format: res.headers['Content-Format'] ?? null,
        etag: res._packet.options.find((o) => o.name === 'ETag')?.value,
        type: res._packet.ack ? 'ACK' : res._packet.confirmable ? 'CON' : 'NON',
        token: hex(res._packet.token)
      })
    })
    req.on('error', (error) => resolve({ code: error.message, payload: '' }))
    req.end(payload)
  })
}

// Ask and compare code and payload; null where the payload does not matter.
async function expect (name, code, payload, method, path, more) {
  const answer = await ask(method, path, more)

  check(name, { code, payload: payload ?? answer.payload },
    { code: answer.code, payload: answer.payload })
  return answer
}

async function methods () {
  await expect('PUT', '2.04', '', 'PUT', '/fan', { payload: 'on' })
  await expect('GET', '2.05', 'on', 'GET', '/fan')
  await expect('PATCH', '2.04', '', 'PATCH', '/climate',
    { payload: 'temp=18.5' })
  await expect('iPATCH', '2.04', '', 'iPATCH', '/climate',
    { payload: 'hum=55' })
  await expect('GET of what was patched', '2.05', 'temp=18.5 hum=55',
    'GET', '/climate')
  await expect('POST', '4.05', null, 'POST', '/fan', { payload: 'on' })
  await expect('FETCH', '4.05', null, 'FETCH', '/fan', { payload: 'on' })
  await expect('DELETE', '4.05', null, 'DELETE', '/fan')
}

async function store () {
  const bytes = 'any \u00e4 bytes'
  const json = [['Content-Format', 'application/json']]

  await ask('DELETE', '/store')
  await expect('GET of nothing', '4.04', null, 'GET', '/store')
  await expect('If-Match on nothing', '4.12', null, 'PUT', '/store',
    { payload: 'x', options: [['If-Match', Buffer.from('x')]] })
  await expect('PUT creates', '2.01', '', 'PUT', '/store',
    { payload: bytes, options: json })
  const answer = await expect('GET of bytes', '2.05', bytes, 'GET', '/store')
  check('the format that was put', 'application/json', answer.format)
  await expect('ETag: still valid', '2.03', '', 'GET', '/store',
    { options: [['ETag', answer.etag]] })
  await expect('If-Match', '2.04', '', 'PUT', '/store',
    { payload: 'y', options: [['If-Match', answer.etag]] })
  await expect('If-Match of what was', '4.12', null, 'PUT', '/store',
    { payload: 'z', options: [['If-Match', answer.etag]] })
  await expect('If-None-Match', '4.12', null, 'PUT', '/store',
    { payload: 'z', options: [['If-None-Match', Buffer.alloc(0)]] })
  await expect('ETag: of what was', '2.05', 'y', 'GET', '/store',
    { options: [['ETag', answer.etag]] })
  await expect('DELETE', '2.02', '', 'DELETE', '/store')
  await expect('DELETE again', '2.02', '', 'DELETE', '/store')
}

async function errors () {
  await expect('no such path', '4.04', null, 'GET', '/none')
  await expect('Accept of another format', '4.06', null, 'GET', '/climate',
    { accept: 'application/xml' })
  await expect('Accept of a format that a handler has not', '4.06', null,
    'GET', '/fan', { accept: 'application/json' })
  await expect('Content-Format of another format', '4.15', null, 'PUT',
    '/climate', {
      payload: '<a/>', options: [['Content-Format', 'application/xml']]
    })
  const bad = await expect('a value that cannot be', '4.00', null, 'PUT',
    '/climate', { payload: 'temp=hot' })
  check('a value that cannot be: its name', 'temp', bad.payload.slice(0, 4))
  await expect('a critical option', '4.02', null, 'GET', '/fan',
    { options: [['2049', Buffer.from('x')]] })
  await expect('an elective option', '2.05', 'on', 'GET', '/fan',
    { options: [['2048', Buffer.alloc(300)]] })
}

async function answers () {
  const json = await expect('as JSON', '2.05', '{"temp":18.5,"hum":55}',
    'GET', '/climate', { accept: 'application/json' })
  const separate = await expect('separate', '2.05', null, 'GET', '/slow')
  const non = await expect('NON', '2.05', 'on', 'GET', '/fan',
    { confirmable: false })

  check('the format of JSON', 'application/json', json.format)
  check('separate: it is confirmable', 'CON', separate.type)
  check('NON: so is its answer', 'NON', non.type)
  await expect('a query of 255 bytes', '2.05', 'on', 'GET', '/fan',
    { query: 'q'.repeat(255) })
  await expect('40 queries', '2.05', 'on', 'GET', '/fan',
    { query: Array(40).fill('a=b').join('&') })
  await expect('a path of 100 segments', '4.04', null, 'GET',
    '/a'.repeat(100))
  await expect('a segment of 255 bytes', '4.04', null, 'GET',
    '/' + 's'.repeat(255))
}

async function discovery () {
  const core = await ask('GET', '/.well-known/core')

  check('core: the format', 'application/link-format', core.format)
  check('core: what is listed', true, core.payload.includes('</climate>'))
  check('core: what is not', false, core.payload.includes('secret'))
  await expect('core: filtered', '2.05', '</climate>;rt="climate"', 'GET',
    '/.well-known/core', { query: 'rt=climate' })
}

// Tokens of any length, and messages that a client does not send: by hand.
function exchange (bytes) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4')
    const end = (answer) => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const timer = setTimeout(() => end(null), 1000)

    socket.on('message', (message) => end(parse(message)))
    socket.send(bytes, port, '127.0.0.1')
  })
}

async function tokens () {
  for (let length = 0; length <= 8; length++) {
    const token = Buffer.from([255, 0, 1, 2, 0, 254, 10, 0]).subarray(0, length)
    const answer = await exchange(generate({
      code: '0.01', confirmable: true, messageId: 100 + length, token,
      options: [{ name: 'Uri-Path', value: Buffer.from('fan') }]
    }))

    check('a token of ' + length, ['2.05', hex(token), 100 + length],
      [answer?.code, hex(answer?.token ?? ''), answer?.messageId])
  }
  const answer = await exchange(Buffer.from('40001234', 'hex'))
  check('ping', [true, '0.00', 0x1234],
    [answer?.reset, answer?.code, answer?.messageId])
}

// Bodies in blocks of each size, there and back.
async function blocks () {
  for (let szx = 0; szx <= 6; szx++) {
    const size = 16 << szx
    const bytes = Buffer.from(Array(9000 + szx).fill().map((_, i) => i * i))
    const put = await ask('PUT', '/store',
      { payload: bytes, options: [['Block1', Buffer.from([szx])]] })
    const get = await ask('GET', '/store',
      { options: [['Block2', Buffer.from([szx])]] })

    check('PUT in blocks of ' + size, szx === 0 ? '2.01' : '2.04', put.code)
    check('GET in blocks of ' + size, [true, 'ACK'],
      [bytes.equals(get.bytes), get.type])
  }
  const answer = await ask('GET', '/large')
  check('GET of what is large', 5120, answer.bytes.length)
  await ask('DELETE', '/store')
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// Wait until there are so many values, or for too long.
async function arrived (values, count) {
  for (let tries = 0; values.length < count && tries < 50; tries++) {
    await sleep(50)
  }
  return values
}

async function observe (pathname, confirmable) {
  const watch = { values: [] }
  const req = coap.request({
    hostname: '127.0.0.1', port, pathname, observe: true, confirmable
  })

  req.on('response', (res) => {
    watch.end = () => res.close()
    watch.code = res.code
    res.on('data', (bytes) => watch.values.push(bytes.toString()))
    res.on('error', () => {})
  })
  req.on('error', () => {})
  req.end()
  await arrived(watch.values, 1)
  return watch
}

async function observing () {
  await ask('PUT', '/fan', { payload: 'on' })
  for (const confirmable of [true, false]) {
    const watch = await observe('/fan', confirmable)
    const name = (confirmable ? 'CON' : 'NON') + ' observe: '

    for (const [i, payload] of ['off', 'on', 'off', 'on'].entries()) {
      await ask('PUT', '/fan', { payload })
      await arrived(watch.values, 2 + i)
    }
    check(name + 'each value once', ['on', 'off', 'on', 'off', 'on'],
      watch.values)
    watch.end()
    await sleep(200)
    await ask('PUT', '/fan', { payload: 'on' })
    await sleep(200)
    check(name + 'nothing behind its end', 5, watch.values.length)
  }
}

async function all () {
  await methods()
  await store()
  await errors()
  await answers()
  await discovery()
  await tokens()
  await blocks()
  await observing()
  process.exit()
}

all()

// A server made of npm's coap: `node server.js` prints the port it found.
//
//   /echo      what the request was, as JSON
//   /slow      the same after a second, as a separate response
//   /code/404  that code, with a diagnostic
//   /store     PUT, GET, DELETE; with ETag; may be observed
'use strict'

const coap = require('coap')

// Bytes stay bytes.
coap.registerOption('ETag', (bytes) => bytes, (bytes) => bytes)

const hex = (bytes) => bytes.toString('hex')
const observers = new Set()
let stored = null

function describe (req) {
  const packet = req._packet
  const values = (name) => packet.options
    .filter((option) => option.name === name)
    .map((option) => option.value.toString())

  return JSON.stringify({
    code: packet.code,
    confirmable: packet.confirmable,
    token: hex(packet.token),
    path: values('Uri-Path'),
    query: values('Uri-Query'),
    format: req.headers['Content-Format'] ?? null,
    accept: req.headers.Accept ?? null,
    payload: req.payload.toString()
  })
}

function echo (req, res) {
  res.code = req.method === 'GET' || req.method === 'FETCH' ? '2.05' : '2.04'
  if (req.method === 'DELETE') res.code = '2.02'
  res.setOption('Content-Format', 'application/json')
  res.end(describe(req))
}

function store (req, res) {
  const etag = stored === null ? null : Buffer.from([stored.length, 0, 255])

  if (req.method === 'PUT') {
    res.code = stored === null ? '2.01' : '2.04'
    stored = req.payload
    res.end()
    for (const observer of observers) observer.write(stored)
  } else if (req.method === 'DELETE') {
    res.code = '2.02'
    stored = null
    res.end()
  } else if (stored === null) {
    res.code = '4.04'
    res.end()
  } else if (req.headers.Observe === 0) {
    observers.add(res)
    res.on('finish', () => observers.delete(res))
    res.write(stored)
  } else {
    res.setOption('ETag', etag)
    res.code = '2.05'
    const known = req._packet.options.some(
      (option) => option.name === 'ETag' && option.value.equals(etag))
    if (known) res.code = '2.03'
    res.end(known ? undefined : stored)
  }
}

const server = coap.createServer((req, res) => {
  const path = req.url.split('?')[0]

  if (path.startsWith('/code/')) {
    const digits = path.slice('/code/'.length)
    res.code = digits[0] + '.' + digits.slice(1)
    res.end('diagnostic')
  } else if (path === '/slow') {
    setTimeout(() => echo(req, res), 1000)
  } else if (path === '/store') {
    store(req, res)
  } else if (path.startsWith('/echo')) {
    echo(req, res)
  } else {
    res.code = '4.04'
    res.end()
  }
})

server.listen(0, '127.0.0.1', () => {
  console.log(server._sock.address().port)
})

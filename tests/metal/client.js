// A client made of npm's coap, against a node as that of examples/avr:
//     node client.js PORT ask PATH ON OFF      checks, a line each
//     node client.js PORT watch SECONDS [RULE] the values that come, a line each
'use strict'

const coap = require('coap')

const [port, what, ...more] = [Number(process.argv[2]),
  ...process.argv.slice(3)]

coap.updateTiming({ ackTimeout: 2, maxRetransmit: 3 })

function check (name, wanted, got) {
  const truth = wanted.test(got)

  console.log((truth ? 'ok - ' : 'not ok - ') + "npm's client: " + name)
  if (!truth) console.log('    wanted ' + wanted + '\n    got ' + got)
}

function ask (method, pathname, payload, options = []) {
  return new Promise((resolve) => {
    const req = coap.request({ hostname: '127.0.0.1', port, method, pathname })

    for (const [name, value] of options) req.setOption(name, value)
    req.on('response', (res) => resolve(res.code + ' ' + res.payload))
    req.on('error', (error) => resolve(error.message))
    req.end(payload)
  })
}

async function askAll (path, on, off) {
  for (const value of [on, off]) {
    check('PUT', /^2\.04 $/, await ask('PUT', '/' + path, value))
    check('GET', new RegExp('^2\\.05 ' + value + '$'),
      await ask('GET', '/' + path))
  }
  check('GET of two variables', /^2\.05 temp=[\d.]+ hum=\d+$/,
    await ask('GET', '/climate'))
  check('what cannot be', /^4\.00 /, await ask('PUT', '/' + path, 'perhaps'))
  check('no such path', /^4\.04 /, await ask('GET', '/none'))
  check('/.well-known/core',
    new RegExp('^2\\.05 </climate>;rt="climate".*,</' + path + '>'),
    await ask('GET', '/.well-known/core'))
  check('Discovery by path', new RegExp('^2\\.05 </' + path + '>;[^<]*$'),
    await ask('GET', '/.well-known/core', '',
      [['300', Buffer.from('/' + path)]]))
  check('Discovery of another', /^4\.04 /, await ask('GET',
    '/.well-known/core', '', [['300', Buffer.from('other.local')]]))
  process.exit()
}

function watch (seconds, rule) {
  const req = coap.request({
    hostname: '127.0.0.1', port, pathname: '/climate', observe: true
  })

  if (rule) req.setOption('410', Buffer.from(rule))
  req.on('response', (res) => {
    res.on('data', (bytes) => console.log(bytes.toString()))
    res.on('error', () => {})
    setTimeout(() => {
      res.close()
      setTimeout(() => process.exit(), 500)
    }, seconds * 1000)
  })
  req.on('error', (error) => console.log(error.message))
  req.end()
}

if (what === 'ask') askAll(...more)
else watch(...more)

// A client made of npm's coap, against the images of examples/cortex-m: bodies
// in blocks, up and down. `node client.js PORT` prints a line a check.
'use strict'

const coap = require('coap')

const port = Number(process.argv[2])
const blocksOf128 = Buffer.from([3])

coap.updateTiming({ ackTimeout: 2, maxRetransmit: 3 })

function check (name, truth, got) {
  console.log((truth ? 'ok - ' : 'not ok - ') + "npm's client: " + name)
  if (!truth) console.log('    got ' + got)
}

function ask (method, pathname, payload, options) {
  return new Promise((resolve) => {
    const req = coap.request({ hostname: '127.0.0.1', port, method, pathname })

    for (const [name, value] of options) req.setOption(name, value)
    req.on('response', resolve)
    req.on('error', (error) => resolve({ code: error.message, payload: '' }))
    req.end(payload)
  })
}

async function main () {
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, i) => i * i >> 3))
  const put = await ask('PUT', '/store', bytes, [['Block1', blocksOf128]])
  const got = await ask('GET', '/store', '', [['Block2', blocksOf128]])
  const large = await ask('GET', '/large', '', [])
  const lines = large.payload.toString().split('\n')

  check('2000 bytes up in blocks', put.code === '2.04', put.code)
  check('... and down, the same', bytes.equals(got.payload), got.code)
  check('a text beyond a packet', lines.length === 101 &&
    lines[99] === 'line 99 of 100, made as it goes', large.payload)
  process.exit()
}

main()

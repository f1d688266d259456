// An SMSC of npm's smpp: prints a line of JSON for each thing that happens, and stops when its input ends.
const smpp = require('smpp')

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')

const server = smpp.createServer((session) => {
  session.on('error', (error) => say({ what: 'error', error: String(error) }))
  session.on('bind_transceiver', (pdu) => {
    session.send(pdu.response({ system_id: 'npm', command_status: pdu.password === 'sesame' ? 0 : 0x0e }))
    say({ what: 'bind', system_id: pdu.system_id, version: pdu.interface_version })
  })
  session.on('submit_sm', (pdu) => {
    const message = pdu.short_message.message ?? ''
    const udh = pdu.short_message.udh ?? []
    const id = `npm-${pdu.sequence_number}`
    session.send(pdu.response({ message_id: id }))
    say({
      what: 'submit', id, text: String(message), to: pdu.destination_addr, from: pdu.source_addr,
      parts: udh.map((one) => one.toString('hex')), validity: String(pdu.validity_period), coding: pdu.data_coding
    })
    session.deliver_sm({
      esm_class: 4, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, source_addr_ton: 1,
      receipted_message_id: id, message_state: 2,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2603010959 done date:2603011000 stat:DELIVRD err:000 text:`
    }, (answer) => say({ what: 'receipt answered', status: answer.command_status }))
    session.deliver_sm({
      source_addr: pdu.destination_addr, source_addr_ton: 1, destination_addr: pdu.source_addr,
      data_coding: 8, short_message: { message: '查询' }
    }, (answer) => say({ what: 'message answered', status: answer.command_status }))
  })
  session.on('enquire_link', (pdu) => session.send(pdu.response()))
  session.on('unbind', (pdu) => {
    session.send(pdu.response())
    session.close()
    say({ what: 'unbind' })
  })
})
server.listen(0, '127.0.0.1', () => say({ what: 'listening', port: server.address().port }))
process.stdin.on('end', () => process.exit(0)).resume()

import { expect, test } from 'vitest'
import { failureText, isUnreached, isUntrusted } from './failure-text.ts'

// As grpc-js 1.14 words them.
test.each([
  [
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
    'no connection: connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    'No connection established. Last error: Error: self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca. Resolution note: ',
    'no connection: self-signed certificate',
  ],
  [
    'No connection established. Last error: Error: 4053D144FC7E0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/ssl/record/methods/tlsany_meth.c:78:\n. Resolution note: ',
    'no connection: TLS failed: wrong version number',
  ],
  ['No connection established. Last error: null. Resolution note: ', 'no connection'],
  ['No connection established', 'no connection'],
  [
    'Name resolution failed for target dns:nohost.invalid:1',
    'no connection: the name in nohost.invalid:1 cannot be resolved',
  ],
  ['Deadline exceeded after 2.500s,name resolution: 0.001s,Waiting for LB pick', 'no connection: none within 2.500 s'],
  ['Deadline exceeded after 1.500s,LB pick: 0.001s,remote_addr=127.0.0.1:7443', 'no answer within 1.500 s'],
  ['topic: acme/orders is not known in this region', 'topic: acme/orders is not known in this region'],
])('%s', (details, text) => {
  expect(failureText(details)).toBe(text)
  expect(isUnreached(`publish: ${text}`)).toBe(text.startsWith('no connection'))
  expect(isUntrusted(`publish: ${text}`)).toBe(text.includes('certificate'))
})

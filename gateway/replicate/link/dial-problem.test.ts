import { expect, test } from 'vitest'
import { dialProblem } from './dial-problem.ts'

test.each([
  [
    'No connection established. Last error: Error: server certificate names nobody, wanted spiffe://m/region/a. Resolution note: ',
    'no connection: server certificate names nobody, wanted spiffe://m/region/a',
  ],
  [
    'No connection established. Last error: Error: self-signed certificate in certificate chain; if the root CA is installed locally, try running Node.js with --use-system-ca. Resolution note: ',
    'no connection: the server certificate is of another CA (self-signed certificate in certificate chain), wanted that of this region, or of trust.ca in its RegionPeer',
  ],
  [
    'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: x',
    'no connection: connect ECONNREFUSED 127.0.0.1:1',
  ],
  ['replicate: b has no RegionPeer in a', 'replicate: b has no RegionPeer in a'],
])('%j', (details, problem) => {
  expect(dialProblem(details)).toBe(problem)
})

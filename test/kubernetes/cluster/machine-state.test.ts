import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import { differences, type MachineState, machineState, mountsOf, RUN_VARIABLE, rulesOf } from './machine-state.ts'
import { machineProblems } from './programs.ts'

const NOTHING: MachineState = {
  mount: [],
  'control group': [],
  namespace: [],
  interface: [],
  'packet rule': [],
  folder: [],
  process: [],
}

test.for([
  { name: 'the same', before: { mount: ['a'] }, after: { mount: ['a'] }, says: [] },
  { name: 'a mount that stays', before: {}, after: { mount: ['a'] }, says: ['mount left: a'] },
  {
    name: 'a second one like the first',
    before: { mount: ['a'] },
    after: { mount: ['a', 'a'] },
    says: ['mount left: a'],
  },
  { name: "somebody's rule that is gone", before: { 'packet rule': ['r'] }, after: {}, says: ['packet rule gone: r'] },
  { name: 'an interface that stays', before: {}, after: { interface: ['cni0'] }, says: ['interface left: cni0'] },
  { name: 'a process of the run', before: {}, after: { process: ['7 kubelet'] }, says: ['process left: 7 kubelet'] },
  { name: "others' namespaces come and go", before: { namespace: ['net:[1]'] }, after: {}, says: [] },
  { name: 'a namespace that stays', before: {}, after: { namespace: ['net:[2]'] }, says: ['namespace left: net:[2]'] },
  { name: 'a group that an earlier run left', before: { 'control group': ['/g'] }, after: {}, says: [] },
] as const)('$name', ({ before, after, says }) => {
  expect(differences({ ...NOTHING, ...before }, { ...NOTHING, ...after })).toEqual(says)
})

test('a mount is known by what is mounted where', () => {
  const line = '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n'
  expect(mountsOf(line)).toEqual(['ext3 /dev/root /mnt1 on /mnt2'])
})

test('counters and the time of day are no difference', () => {
  const listed = (time: string, packets: number) =>
    `# Generated on ${time}\n*filter\n:INPUT ACCEPT [${packets}:99]\n-A INPUT -j DROP\nCOMMIT\n`
  expect(rulesOf(listed('Monday', 1))).toEqual(rulesOf(listed('Tuesday', 2)))
  expect(rulesOf(listed('Monday', 1))).toEqual(['*filter', ':INPUT ACCEPT', '-A INPUT -j DROP', 'COMMIT'])
})

test('on the real machine: a process of the run in a network namespace of its own is seen, and its end', async () => {
  const run = `test-${process.pid}`
  if (machineProblems().length > 0) {
    // Namespaces take root: the machine says so, and `make e2e` is refused there.
    expect(machineProblems().join()).toContain('wanted')
    return
  }
  const before = machineState(run, [])
  expect(before.mount.length).toBeGreaterThan(0)
  expect(before.process).toEqual([])
  const env = { ...process.env, [RUN_VARIABLE]: run }
  const command = ['--net', 'sh', '-c', 'echo there; read line']
  const child = spawn('unshare', command, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const network = readlinkSync(`/proc/${child.pid}/ns/net`)
  const during = differences(before, machineState(run, []))
  expect(during.filter((line) => line.startsWith(`process left: ${child.pid} `))).toHaveLength(1)
  expect(during).toContain(`namespace left: ${network}`)
  child.stdin.end()
  await once(child, 'exit')
  const after = machineState(run, [])
  expect(after.process).toEqual([])
  expect(after.namespace).not.toContain(network)
})

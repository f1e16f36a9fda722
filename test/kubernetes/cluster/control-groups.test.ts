import { expect, test } from 'vitest'
import { ownGroups } from './control-groups.ts'

const VERSION_1 = `
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
const VERSION_2 = '29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n'
const IN_CONTAINER = '40 39 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n'

test.for([
  {
    name: 'version 1: our own group in every hierarchy, and none of version 2 beside them',
    cgroup: '4:name=systemd:/user\n3:memory:/user/a\n2:cpu,cpuacct:/\n0::/user\n',
    mountinfo: VERSION_1,
    groups: [
      { controllers: 'name=systemd', folder: '/sys/fs/cgroup/systemd/user' },
      { controllers: 'memory', folder: '/sys/fs/cgroup/memory/user/a' },
      { controllers: 'cpu,cpuacct', folder: '/sys/fs/cgroup/cpu,cpuacct/' },
    ],
  },
  {
    name: 'version 2: the top',
    cgroup: '0::/user.slice/session-1.scope\n',
    mountinfo: VERSION_2,
    groups: [{ controllers: '', folder: '/sys/fs/cgroup' }],
  },
  {
    name: 'a mount that begins at a group: the path below it',
    cgroup: '3:memory:/docker/abc/x\n',
    mountinfo: IN_CONTAINER,
    groups: [{ controllers: 'memory', folder: '/sys/fs/cgroup/memory/x' }],
  },
  {
    name: 'a hierarchy that is not mounted is left out',
    cgroup: '7:freezer:/\n3:memory:/\n',
    mountinfo: VERSION_1,
    groups: [{ controllers: 'memory', folder: '/sys/fs/cgroup/memory/' }],
  },
])('$name', ({ cgroup, mountinfo, groups }) => {
  expect(ownGroups(cgroup, mountinfo)).toEqual(groups)
})

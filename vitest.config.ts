import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Of the chaos suite, all but its runs is pure.
          include: [
            '{proto,core,nats,service,gateway,operator,client,lab,load,scripts}/**/*.test.ts',
            'test/chaos/*/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**'],
        },
      },
      {
        test: {
          // Pure, and long: minutes of one core. `SIMULATION_RUNS` sets the runs of a profile.
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          // Half a minute at most on a machine of its own.
          testTimeout: 1_200_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'test/simulation/**', 'test/chaos/*/**'],
          // Files start real servers: one file at a time keeps a two-core machine honest about timings.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Servers that share two cores with others take their time.
          expect: { poll: { timeout: 10_000 } },
        },
      },
    ],
  },
})

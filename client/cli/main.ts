#!/usr/bin/env node
import { processContext } from './process-context.ts'
import { run } from './run.ts'

const context = processContext()
process.exitCode = await run(process.argv.slice(2), context)
// A read that waits for the terminal would keep the process alive.
context.stdin.destroy()

export * from './questions.ts'
export * from './sign.ts'
export * from './status.ts'

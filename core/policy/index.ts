export { CONDITION_LENGTH_MAX, type Condition, compileCondition } from './condition.ts'
export { compilePattern, type Matcher } from './pattern.ts'
export { PolicySet } from './policy-set.ts'
export * from './types.ts'

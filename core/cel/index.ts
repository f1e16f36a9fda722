export {
  calledBy,
  childrenOf,
  compileExpression,
  EXPRESSION_LENGTH_MAX,
  EXPRESSION_LIMITS,
  type Expression,
  type ExpressionOptions,
  LIST_OPERATIONS,
} from './expression.ts'

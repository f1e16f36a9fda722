import { OPERATOR } from './operator.ts'
import type { Dashboard } from './panel.ts'
import { REGION_OVERVIEW } from './region.ts'
import { REPLICATION } from './replication.ts'

export { type Dashboard, grafanaOf } from './panel.ts'

/** Every dashboard of the chart. */
export const DASHBOARDS: readonly Dashboard[] = [REGION_OVERVIEW, REPLICATION, OPERATOR]

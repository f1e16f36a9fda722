/**
 * What can be switched off, to see what breaks without it. Most are the rules of the replication protocol; the
 * simulator gets around them from outside, by what it feeds to the code that ships.
 */
export const RULES = {
  chain: 'a record is taken and served only behind the record that it follows (2)',
  readThrough: 'a relay fills a hole from further up, instead of stopping there (2)',
  stamp: 'a checkpoint counts only with the very records that it was written upon (3)',
  ownLast: 'fence and checkpoint are bound only to a record that the run read first or sent (3b)',
  fence: 'a batch is stored only upon the record that its run knows as the last of the origin (3)',
  known: 'an unmarked original is checked against the ids of marked records (5)',
  floor: 'the set of marked ids has seen at least the record that the position was read from (5b)',
  fresh: 'what was checked is sent at once, or checked again (5)',
  scan: 'a marked copy is looked for in the stream (5)',
  markElsewhere: 'a retry in another region is marked (4)',
  markOld: 'a retry in the same region is marked when its window may be over (4)',
  stayMarked: 'after one marked attempt every later attempt is marked (4)',
  publishCheck: 'a marked event is looked for before it is stored (5)',
  arrival: 'an attempt that was under way for too long is not stored (ADR 6)',
  forwardMark: 'an event that is handed to another region is marked (4)',
  forwardSpan: 'its mark covers what its publisher may still do unmarked (4)',
  quorum: 'an acknowledgement by quorum waits until another region has the event',
  reports: 'only what is heard of other regions after an event was handed to the store speaks of it',
  adoptCopy: 'a copy from elsewhere waits for a quorum like an event of our own log, into which it is put first',
  mayRelay: 'a region serves only those who may not have more than it may have itself',
  mayHold: 'a relay keeps back what the receiver may not have',
  session: 'a run ends with the session in which its reads were made (6)',
  match: 'every open places the position by sequence and stamp (7)',
  gap: 'what retention took before it was served is a gap, told and written down',
  tails: 'what an origin notes of the end of its records is held against the log after each session',
  outlive: 'a checkpoint tells the position when retention has taken the records that did (3)',
  circle: 'a relay that does not hear the origin is left (ADR 16)',
  detour: 'so it is when the origin itself cannot be asked, for another relay that may hear it (ADR 16)',
  holdings: 'what peers hold is told anew, and a relay with nothing is left for one that has more (ADR 16)',
  barrier: 'branch record, one batch life of silence, adoption, open record (7)',
  adopt: 'records that the origin lost are given back by their holders (8)',
  retire: 'holders adopt the records of an origin that is gone for good (9)',
} as const

/** The name of a rule. */
export type Rule = keyof typeof RULES

/** Every rule. */
export const RULE_NAMES = Object.keys(RULES) as readonly Rule[]

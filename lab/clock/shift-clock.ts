// Preloaded into a process (`node --import`): its clock is wrong by LAB_CLOCK_OFFSET_MS, its monotonic clock is right.

const offsetMs = Number(process.env.LAB_CLOCK_OFFSET_MS ?? '0')
const RealDate = Date

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parts: readonly unknown[], newTarget) =>
    Reflect.construct(target, parts.length === 0 ? [RealDate.now() + offsetMs] : parts, newTarget),
  // `Date()` without `new` is a text of the time.
  apply: () => new RealDate(RealDate.now() + offsetMs).toString(),
  get: (target, name) => (name === 'now' ? () => RealDate.now() + offsetMs : Reflect.get(target, name)),
})

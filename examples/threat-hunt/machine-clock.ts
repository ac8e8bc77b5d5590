/** Milliseconds of the machine's monotonic clock, which all its processes share: so times can be compared. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

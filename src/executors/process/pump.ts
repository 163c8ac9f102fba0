/**
 * The part of the supervisor's script that copies output from a pipe to a file and bounds the file.
 *
 * @module
 */

/** How the bytes that one stream may take on disk are shared out. */
interface PumpSizes {
  /** How many bytes one read takes at most. */
  readonly block: number;
  /** How many bytes of the beginning are kept. */
  readonly head: number;
  /** The end is kept in two segments of this size, of which the older one is replaced. */
  readonly segment: number;
}

/** Shares out `maxBytes`. At the end both segments are copied behind the head before they go. */
export function pumpSizes(maxBytes: number): PumpSizes {
  const block = Math.min(64 * 1024, Math.max(64, Math.floor(maxBytes / 64)));
  return { block, head: Math.floor(maxBytes / 2), segment: Math.floor(maxBytes / 8) };
}

/**
 * Shell functions: `cloud_node_pump PATH` copies standard input to `PATH.log` until its end, which is
 * open as descriptor 9 since before there was a workload that might put a pipe in its place. dd
 * writes each read at once, and ends after so many: what is read after that goes to the next dd.
 * No signal to the workload's group ends a pump, since output comes until the workload has ended.
 */
export const PUMP = `
# Opens nothing: there may be a pipe by now, and nobody who reads it.
cloud_node_size() {
  set -- $(ls -ln "$1")
  cloud_node_bytes=\${5:-0}
}

# Says that output was lost, as soon as that can be written.
cloud_node_report_loss() {
  if [ "$cloud_node_lost" ] &&
    printf '\\n[... some output is missing: it could not be written ...]\\n' >&9; then
    cloud_node_lost=
  fi
}

# Appends input to descriptor 9 until the file $1 has about $2 bytes. Succeeds at the end of the input.
cloud_node_fill() {
  cloud_node_bytes=0
  while cloud_node_count=$((($2 - cloud_node_bytes) / cloud_node_block))
    [ "$cloud_node_count" -gt 0 ]; do
    cloud_node_report_loss
    cloud_node_said=$(dd "bs=$cloud_node_block" "count=$cloud_node_count" 2>&1 >&9)
    case $? in
      0)
        cloud_node_said=\${cloud_node_said%% records in*}
        [ $((\${cloud_node_said##*[!0-9+]})) -lt "$cloud_node_count" ] &&
          cloud_node_report_loss && return 0
        ;;
      1) cloud_node_lost=yes ;;
      126 | 127) exec cat >&9 ;;
    esac
    cloud_node_size "$1"
  done
  return 1
}

# Makes the file $1, whatever is there. Where that cannot be, as in a folder that was removed, output
# goes nowhere.
cloud_node_make() { rm -rf "$1"; true >>"$1" || exec cat >/dev/null; }

cloud_node_pump() {
  trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE
  cloud_node_lost=
  # Most workloads print nothing to one of their streams: then a dd need not be started.
  if [ "$cloud_node_shell" = bash ]; then
    IFS= read -r -d '' -n 1 cloud_node_byte || exit
    if [ "$cloud_node_byte" ]; then printf %s "$cloud_node_byte"; else printf '\\0'; fi >&9 ||
      cloud_node_lost=yes
  fi
  cloud_node_fill "$1.log" "$cloud_node_head" && exit
  cloud_node_missing=0
  until cloud_node_make "$1.tail" &&
    cloud_node_fill "$1.tail" "$cloud_node_segment" 9>>"$1.tail"; do
    if [ -f "$1.before" ]; then
      cloud_node_size "$1.before"
      cloud_node_missing=$((cloud_node_missing + cloud_node_bytes))
    fi
    mv -f "$1.tail" "$1.before" || rm -f "$1.tail"
  done
  if [ "$cloud_node_missing" -gt 0 ]; then
    printf '\\n[... %s bytes are missing: more than max_output_files ...]\\n' "$cloud_node_missing"
  fi >&9
  for cloud_node_part in "$1.before" "$1.tail"; do
    [ ! -f "$cloud_node_part" ] || cat "$cloud_node_part"
  done >&9 && rm -f "$1.before" "$1.tail"
  exit
}
`;

/**
 * How a supervisor learns that the kernel has killed a process for lack of memory while its
 * workload ran. The kernel counts these kills, but does not show to everybody which processes they
 * were.
 *
 * @module
 */

/** The variable that holds the path of the kernel's counter; empty: there is none. */
export const COUNTER_VARIABLE = "cloud_node_counter";

/** The variables of the function. */
export const COUNT_VARIABLES: readonly string[] = [
  COUNTER_VARIABLE,
  "cloud_node_name",
  "cloud_node_value",
  "cloud_node_kills",
];

/**
 * A shell function that sets `cloud_node_kills` to the counter's value, or to nothing when it cannot
 * be read. A control group's counter takes a shell some fifty microseconds. That of the machine
 * stands in a long file, which a shell would read byte by byte.
 */
export const COUNT_KILLS = `
cloud_node_count_kills() {
  cloud_node_kills=
  [ -r "$cloud_node_counter" ] || return 0
  case $cloud_node_counter in
    /proc/*)
      cloud_node_kills=$(grep '^oom_kill ' "$cloud_node_counter")
      cloud_node_kills=\${cloud_node_kills#oom_kill } ;;
    *)
      while read -r cloud_node_name cloud_node_value; do
        [ "$cloud_node_name" != oom_kill ] || cloud_node_kills=$cloud_node_value
      done <"$cloud_node_counter" ;;
  esac
}`;

/**
 * The GPUs of AMD, read from the files of their driver: rocm-smi(1) cannot keep running, and takes
 * a tenth of a second of a core or more for each reading.
 *
 * @module
 */

/**
 * A shell script that prints a line for each GPU every `$1` seconds, in the form of nvidia-smi(1).
 * `$2` is where /sys is. It ends with 127 where there is no such GPU.
 */
export const AMD_SCRIPT = `
seconds=$1 root=$2
get() { value=; { read -r value <"$1"; } 2>/dev/null; }
number() { case $value in '' | *[!0-9]*) value='[N/A]'; return 1 ;; esac; }
look() {
  index=0 number=-1
  while [ "$number" -lt 63 ]; do
    number=$((number + 1))
    device=$root/class/drm/card$number/device
    get "$device/mem_info_vram_total"
    number || continue
    total=$((value / 1048576))
    get "$device/mem_info_vram_used"
    number && value=$((value / 1048576)); used=$value
    get "$device/gpu_busy_percent"
    number; busy=$value
    watts='[N/A]' degrees='[N/A]'
    for sensors in "$device"/hwmon/hwmon*; do
      get "$sensors/power1_average"
      number || { get "$sensors/power1_input"; number; } &&
        watts=$((value / 1000000)).$((value / 100000 % 10))
      get "$sensors/temp1_input"
      number && degrees=$((value / 1000))
    done
    get "$device/unique_id"
    id=GPU-$value
    [ -n "$value" ] || id=card$number
    get "$device/product_name"
    printf '%s, %s, %s, %s, %s, %s, %s, %s\\n' "$index" "$id" "\${value:-AMD GPU}" \\
      "$busy" "$used" "$total" "$watts" "$degrees"
    index=$((index + 1))
  done
  [ "$index" -gt 0 ]
}
look || exit 127
while sleep "$seconds"; do look || exit; done
`;

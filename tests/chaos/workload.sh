# A workload of the chaos test: does what its params say, and keeps a ledger of it.
params=$1
field() { [[ $params =~ \"$1\":\"?([a-z0-9.]+) ]] && echo "${BASH_REMATCH[1]}"; }
id=$(field id)
ledger=$CHAOS_LEDGERS/$id
# One write with O_APPEND each, so that no two entries can mix.
note() { printf '%s\n' "$*" >>"$ledger"; }

# What is in the results folder is whole from the start, for another workload's end may claim it.
leave_results() {
  for ((file = 0; file < $(field results); file++)); do
    echo "result $file of $id" >"$ledger.result"
    mv "$ledger.result" "$CYBERWAVE_RESULTS_FOLDER/$id-$file.txt"
  done
}

# Its session comes after the name, which may hold anything, the state, the parent and the group.
stat=$(</proc/$$/stat)
read -r _ _ _ session _ <<<"${stat##*) }"
note "start $session"
if [ "$(field token)" = yes ]; then
  [ "$CYBERWAVE_API_KEY" = "wt-$id" ] || note wrong token
else
  [ "$CYBERWAVE_API_KEY" = "$CHAOS_TOKEN" ] || note wrong token
fi
case $(field act) in
quick)
  echo "done $id"
  leave_results
  note end 0
  ;;
slow)
  sleep "$(field seconds)"
  echo "done $id"
  leave_results
  note end 0
  ;;
fail)
  sleep "$(field seconds)"
  # Chosen here and noted in the ledger alone: nobody can know it who has not seen it.
  code=$((RANDOM % 125 + 1))
  note end $code
  exit $code
  ;;
complain)
  echo "complaint of $id" >&2
  note end 1
  exit 1
  ;;
die)
  sleep "$(field seconds)"
  signal=$(field signal)
  note end $((128 + signal))
  kill -"$signal" $$
  sleep 60
  ;;
massacre)
  sleep "$(field seconds)"
  note end group
  # The group is led by the shell that would have told the exit code.
  read -r _ _ _ _ group _ </proc/$$/stat
  kill -9 -- "-$group"
  sleep 60
  ;;
wait)
  # Alone: a child would outlive a shell that is killed.
  exec sleep 60
  ;;
noisy)
  for ((line = 0; line < 20000; line++)); do echo "$id line $line"; done
  echo "done $id"
  leave_results
  note end 0
  ;;
esac

# What can follow what has been typed, from the tables above and from the database that the command line names.

# _ovs_vsctl_ask WORD...: what ovs-vsctl prints, without empty lines; nothing if the server does not answer.
_ovs_vsctl_ask() {
  "$program" "${database[@]}" --timeout=2 --no-wait --no-syslog -voff "$@" 2>/dev/null | sed '/^$/d'
}

# _ovs_vsctl_column TABLE COLUMN [RECORD]: the values of a column.
_ovs_vsctl_column() {
  _ovs_vsctl_ask --bare --columns="$2" list "$1" "${@:3}"
}

# The table that a word means: upper and lower case, "-" and "_" are alike, and the beginning is enough.
_ovs_vsctl_table() {
  local name wanted=${1//-/_}
  for name in "${!_ovs_vsctl_columns[@]}"; do
    [[ ${name,,} != "${wanted,,}" ]] || { echo "$name"; return; }
  done
  for name in "${!_ovs_vsctl_columns[@]}"; do
    [[ ${name,,} != "${wanted,,}"* ]] || { echo "$name"; return; }
  done
}

# _ovs_vsctl_records_of TABLE: how its records may be called.
_ovs_vsctl_records_of() {
  local names=${_ovs_vsctl_records[$1]}
  # Words: a table and a column.
  if [[ $names == . ]]; then echo .; else _ovs_vsctl_column $names; fi
}

# _ovs_vsctl_keys TABLE COLUMN [RECORD]: the keys that a map has, in that record or in any.
_ovs_vsctl_keys() {
  _ovs_vsctl_column "$@" | tr ' ' '\n' | sed -n 's/^\([^=]*\)=.*/\1/p' | sort -u
}

# _ovs_vsctl_settings TABLE END [RECORD]: COLUMN, or COLUMN:KEY, with END ("=" or nothing) after it; or the values
# that may stand after COLUMN=.
_ovs_vsctl_settings() {
  local column=${current%%[:=]*} name
  [[ $1 ]] || return
  case $current in
    *=*) for name in ${_ovs_vsctl_values[$1.$column]}; do echo "${current%%=*}=$name"; done ;;
    *:*) for name in $(_ovs_vsctl_keys "$1" "$column" "${@:3}"); do echo "$column:$name$2"; done ;;
    *)
      for name in ${_ovs_vsctl_columns[$1]}; do
        if [[ $name == *: ]]; then printf '%s\n' "$name"; [[ $2 ]] || echo "${name%:}"; else echo "$name$2"; fi
      done
      ;;
  esac
}

# _ovs_vsctl_argument NAME: what an argument may be, by the name that it has in the table of arguments.
_ovs_vsctl_argument() {
  local table=
  case $command in
    add-port | add-bond) table=Port ;;
    *) [[ ! ${arguments[0]} ]] || table=$(_ovs_vsctl_table "${arguments[0]}") ;;
  esac
  case $command:$1 in
    add-port:NEW-PORT | add-bond*:IFACE) ls /sys/class/net ;;
    *:BRIDGE | *:PARENT) _ovs_vsctl_ask list-br ;;
    *:'PORT|IFACE' | *:PORT)
      if [[ ${arguments[0]} ]]; then _ovs_vsctl_ask list-ports "${arguments[0]}"; else _ovs_vsctl_column Port name; fi
      ;;
    add-bond-iface:BOND | del-bond-iface:BOND) _ovs_vsctl_column Port name ;;
    *:IFACE) _ovs_vsctl_column Interface name ;;
    *:MODE) echo "${_ovs_vsctl_values[Bridge.fail_mode]// /$'\n'}" ;;
    *:TARGET) printf '%s\n' ssl: tcp: unix: pssl: ptcp: punix: ;;
    *:PRIVATE-KEY | *:CERTIFICATE | *:CA-CERT) compgen -f -- "$current" ;;
    *:DATAPATH) printf '%s\n' system netdev ;;
    br-*:KEY) _ovs_vsctl_keys Bridge external_ids "${arguments[0]}" ;;
    *:TABLE) printf '%s\n' "${!_ovs_vsctl_columns[@]}" ;;
    *:RECORD) [[ ! $table ]] || _ovs_vsctl_records_of "$table" ;;
    *:COLUMN) [[ ! $table ]] || printf '%s\n' ${_ovs_vsctl_columns[$table]//:/} ;;
    find:COLUMN?:KEY=VALUE | add-*:COLUMN?:KEY=VALUE | create:COLUMN?:KEY=VALUE) _ovs_vsctl_settings "$table" = ;;
    *:COLUMN?:KEY=VALUE) _ovs_vsctl_settings "$table" = "${arguments[1]}" ;;
    *:COLUMN?:KEY) _ovs_vsctl_settings "$table" '' "${arguments[1]}" ;;
    add:?KEY=VALUE) _ovs_vsctl_elements "$table" "${arguments[2]}" = ;;
    remove:KEY*) _ovs_vsctl_elements "$table" "${arguments[2]}" '' "${arguments[1]}" ;;
  esac
}

# _ovs_vsctl_elements TABLE COLUMN END [RECORD]: what can be put into a column, or taken from that of a record: a map's
# keys, with END after them.
_ovs_vsctl_elements() {
  local key
  if [[ " ${_ovs_vsctl_columns[$1]} " == *" $2: "* ]]; then
    for key in $(_ovs_vsctl_keys "$1" "$2" "${@:4}"); do echo "$key$3"; done
  elif [[ ${_ovs_vsctl_values[$1.$2]} ]]; then
    printf '%s\n' ${_ovs_vsctl_values[$1.$2]}
  elif [[ $4 ]]; then
    _ovs_vsctl_column "$1" "$2" "$4" | tr ' ' '\n'
  fi
}

# _ovs_vsctl_arguments_here: what the next argument may be. A "?" before its name says that it may be left out, a "*"
# that too, and that there may be several, a "+" that there may be several.
_ovs_vsctl_arguments_here() {
  local at=${#arguments[@]} i=0 name
  for name in ${_ovs_vsctl_arguments[$command]}; do
    if ((i == at)) || { ((i < at)) && [[ $name == [*+]* ]]; }; then
      _ovs_vsctl_argument "${name#[?+*!]}"
      # In place of what may be left out, or comes no more, there may be what is after it.
      [[ $name == '*'* || $i -lt $at || $name == \?* && $i == 0 ]] || break
      at=$((i + 1))
    fi
    ((++i))
  done
  ((${#arguments[@]} == 0)) || echo --
}

# _ovs_vsctl_option_values NAME: the values of an option.
_ovs_vsctl_option_values() {
  case $1 in
    --db) printf '%s\n' unix: tcp: ssl: ;;
    --format | -f) printf '%s\n' list table html csv json ;;
    --data | -d) printf '%s\n' string bare json ;;
    --private-key | --certificate | --ca-cert | --*-ca-cert | -[pcC]) compgen -f -- "${current#*=}" ;;
  esac
}

# _ovs_vsctl_commands: the names of commands that have the options given, and options that such commands have.
_ovs_vsctl_commands() {
  local name option
  local -A options=()
  for name in "${!_ovs_vsctl_arguments[@]}"; do
    for option in "${given[@]}"; do
      [[ " ${_ovs_vsctl_command_options[$name]} " == *" $option"[=\ ]* ]] || continue 2
    done
    echo "$name"
    for option in ${_ovs_vsctl_command_options[$name]}; do options[$option]=; done
  done
  printf '%s\n' "${!options[@]}"
}

_ovs_vsctl_candidates() {
  if [[ $awaited ]]; then
    _ovs_vsctl_option_values "$awaited"
  elif [[ $command ]]; then
    _ovs_vsctl_arguments_here
  elif [[ $current == --*=* ]]; then
    _ovs_vsctl_option_values "${current%%=*}" | sed "s|^|${current%%=*}=|"
  else
    [[ ! $first ]] || printf '%s\n' $_ovs_vsctl_options | sed '/^-[^-]/d'
    _ovs_vsctl_commands
  fi
}

# Reads the words before the current one: the command that it belongs to, that command's options and arguments, and the
# server to ask.
_ovs_vsctl_read() {
  local word
  for word; do
    if [[ $awaited ]]; then
      [[ $awaited != --db ]] || database=("--db=$word")
      awaited=
      continue
    fi
    case $word in
      --) command= given=() arguments=() first= ;;
      *) if [[ $command ]]; then
        arguments+=("$word")
      elif [[ $word != -* ]]; then
        command=$word
      elif [[ $first && " $_ovs_vsctl_options " == *" $word= "* ]]; then
        awaited=$word
      elif [[ $word == --db=* ]]; then
        database=("$word")
      elif [[ " $_ovs_vsctl_options " != *" ${word%%=*}"[=\ ]* ]]; then
        given+=("${word%%=*}")
      fi ;;
    esac
  done
}

_ovs_vsctl() {
  local program=$1 command= awaited= first=yes current candidate broken
  # Names of arguments are no patterns of files.
  local -
  set -f
  local -a words=() given=() arguments=() database=()
  # Bash has parted words at "=" and ":" as well.
  read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
  [[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || words+=('')
  current=${words[-1]}
  _ovs_vsctl_read "${words[@]:1:${#words[@]}-2}"
  # Bash replaces only what stands after the last character that parts words: some take the colon from those.
  broken=${current%"${current##*["${COMP_WORDBREAKS//[^:=]/}"]}"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    [[ $candidate == "$current"* ]] || continue
    [[ $candidate != *[:=] ]] || compopt -o nospace 2>/dev/null
    COMPREPLY+=("$(printf %q "${candidate#"$broken"}")")
  done < <(_ovs_vsctl_candidates | sort -u)
}

complete -F _ovs_vsctl ovs-vsctl

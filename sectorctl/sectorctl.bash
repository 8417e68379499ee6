# bash completion for sectorctl                           -*- shell-script -*-
#
# Of the server's, only what it says without fetching anything is asked for,
# with a second's patience: namespaces and sources.  Symbols are the default
# ones.

_sectorctl_of_server() {
    sectorctl status --json --timeout=1 2>/dev/null \
        | sed -n "s/.*\"$1\":{//p" \
        | grep -oE '"[A-Za-z0-9_.-]+":\{"(totalRequests|succeeded)"' \
        | cut -d '"' -f 2
}


_sectorctl() {
    local word=${COMP_WORDS[COMP_CWORD]} command= words= i n=0
    local symbols='XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY'
    local options='--json --url= --api-url= --status-url= --admin-url=
        --key-file= --timeout= --help --version'

    # the command, and how many arguments it has before this word
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -* | =) ;;
        *)
            [ "${COMP_WORDS[i - 1]}" != = ] || continue
            if [ -z "$command" ]; then
                command=${COMP_WORDS[i]}
            else
                n=$((n + 1))
            fi
            ;;
        esac
    done

    # "--key-file=FILE" comes as three words
    if [ "$word" = = ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
        [ "$word" != = ] || word=
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi

    case $command in
    '')       words='status get snapshot set warm clear enable disable
                     breaker explain top wait-healthy help' ;;
    get)      words=$symbols ;;
    warm)     words=$symbols options+=' --parallel=' ;;
    explain)  [ $n -gt 0 ] || words=$symbols ;;
    top)      options+=' --once' ;;
    wait-healthy)
              options+=' --degraded' ;;
    clear)    options+=' --all'
              words="$symbols $(_sectorctl_of_server namespaces)" ;;
    set)      options+=' --ttl='
              [ $n -gt 0 ] || words=$symbols ;;
    breaker)  case $n in
              0) words=$(_sectorctl_of_server sources) ;;
              1) words='open closed auto' ;;
              esac ;;
    esac

    case $word in
    -*) words=$options ;;
    esac

    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")

    if [ "$command" = set ] && [ $n -eq 1 ] && [ ${#COMPREPLY[@]} = 0 ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi

    case ${COMPREPLY[*]} in
    *=) compopt -o nospace 2>/dev/null ;;
    esac

    return 0
}

complete -F _sectorctl sectorctl

# bash completion for sectorctl                           -*- shell-script -*-
#
# Of the server's, only what it says without fetching anything is asked for,
# with a second's patience: namespaces and sources.  Symbols are the default
# ones.

# Of "namespaces" or "sources", the names: an object's own members alone, so
# what stands in the other one, or deeper, is none.
_sectorctl_of_server() {
    local text name depth=0 rest

    text=$(sectorctl status --json --timeout=1 2>/dev/null) || return 0
    rest=${text#*\"$1\":\{}
    [ "$rest" != "$text" ] || return 0

    while [[ $rest =~ ^[^\"\{\}]*(\"([^\"\\]|\\.)*\"|\{|\}) ]]; do
        text=${BASH_REMATCH[1]}
        rest=${rest:${#BASH_REMATCH[0]}}

        case $text in
        '{') depth=$((depth + 1)) ;;
        '}') [ $depth -gt 0 ] || return 0
             depth=$((depth - 1)) ;;
        *)   name=${text:1:${#text} - 2}
             [ $depth -gt 0 ] || printf '%s\n' "$name" ;;
        esac
    done
}


_sectorctl() {
    local word=${COMP_WORDS[COMP_CWORD]} command= words= i n=0
    local symbols='XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY'
    local commands='status get snapshot set warm refresh entries clear enable
        disable breaker explain history top wait-healthy help'
    local options='--json --url= --api-url= --status-url= --admin-url=
        --key-file= --timeout= --proxy= --help --version'

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
    '')       words=$commands ;;
    help)     [ $n -gt 0 ] || words=$commands ;;
    refresh)  words=$symbols ;;
    entries)  options+=' --prefix='
              [ $n -gt 0 ] || words=$(_sectorctl_of_server namespaces) ;;
    history)  options+=' --minutes=' ;;
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

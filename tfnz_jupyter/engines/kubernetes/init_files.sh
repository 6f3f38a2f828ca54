# The third part of init.sh: files, and what is run.

# -- files -------------------------------------------------------------------------------------------------------------
# What fails ends with ": " and the kernel's words.

FACTS='%f %s %Y %X %u %g %h %y %x'

read_accounts() {
    [ -f /etc/passwd ] && "$B" cat /etc/passwd
    printf '\0'
    [ -f /etc/group ] && "$B" cat /etc/group
    :
}

refuse() { # WORDS
    echo "$1"
    return 1
}

exists() {
    [ -e "$1" ] || [ -L "$1" ]
}

no_kernels() { # PATH: nothing that the kernel makes up
    case $("$B" realpath "$1" 2>/dev/null) in /proc | /proc/* | /sys | /sys/*) refuse ': Permission denied' ;; esac
}

hold() { # PATH CREATE EXCLUSIVE TRUNCATE MODE: keep a file open; the process that does
    [ -z "$3" ] || ! exists "$1" || refuse ': File exists' || return
    kind=$("$B" stat -L -c %F "$1" 2>&1)
    case $kind in
    regular*) ;;
    directory) refuse ': Is a directory' || return ;;
    *': No such file or directory')
        [ -n "$2" ] || refuse "$kind" || return
        (umask 077 && "$B" touch "$1" 2>&1 && "$B" chmod "$5" "$1" 2>&1) || return
        ;;
    *:*) refuse "$kind" || return ;;
    *) refuse ': Invalid argument' || return ;;
    esac
    no_kernels "$1" || return
    exec 3<"$1"
    [ -z "$4" ] || "$B" truncate -c -s 0 /proc/self/fd/3 || return
    "$B" sleep 1000000000 >/dev/null 2>&1 </dev/null &
    echo $! | "$B" tee -a holders
}

release_all() {
    [ -e holders ] && while read -r pid; do kill -9 "$pid"; done <holders 2>/dev/null
    "$B" rm -f holders
}

list() { # PATH
    kind=$("$B" stat -L -c %F "$1" 2>&1)
    case $kind in
    directory) cd "$1" && "$B" find . -mindepth 1 -maxdepth 1 -exec "$B" stat -c "$FACTS %n" {} + 2>/dev/null || : ;;
    *:*) refuse "$kind" ;;
    *) refuse ': Not a directory' ;;
    esac
}

# ----------------------------------------------------------------------------------------------------------------------

prepare() { # in the init container
    /bin/busybox cp /bin/busybox "$B"
    printf %s "$TFNZ_SCRIPT" >/.tfnz/script
    "$B" chmod 755 /.tfnz "$B"
}

case $1 in
prepare | init | desk | live | become | on_terminal) "$@" ;;
esac

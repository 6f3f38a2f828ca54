# What runs inside a Pod beside the user's own: see init.py. For busybox's sh; every applet is called by its full name.
B=/.tfnz/busybox
RING=32

started() { # PID -> $since: what tells it from another that gets its number later
    since=
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    set -- ${line##*) }
    since=${20}
}

# -- the container's first process: it waits for others to end, and lasts until the container does ---------------------

init() {
    cd /.tfnz || exit 1
    "$B" rm -rf ready p r desk.pids clearing
    "$B" mkdir -m 700 p r
    [ -p news ] || "$B" mkfifo -m 600 news
    "$B" head -c 16 /dev/urandom | "$B" hexdump -e '16/1 "%02x"' >token
    started 1
    echo "$since" >ready
    trap 'exit 0' TERM
    while :; do
        "$B" sleep 1000000 &
        wait $!
    done
}

# -- the desk: requests come in, news go out ---------------------------------------------------------------------------

desk() {
    cd /.tfnz || exit 1
    started 1
    life=$since
    until read -r known 2>/dev/null <ready && [ "$known" = "$life" ] && ! [ -e clearing ]; do
        "$B" usleep 10000
    done
    read -r old 2>/dev/null <desk.pids && leave $old
    follow </dev/null &
    follower=$!
    echo "$$ $follower" >desk.pids
    while read -r verb id number size more; do
        case $verb in
        w) receive "$id" "$number" ;;
        q) receive "r/$id.ask" "$number" && { answer "$id" >"r/$id" 2>&1 </dev/null & } ;;
        i) receive "p/$id/i.$((number % 4))" "$size" && echo "$number" 1<>"p/$id/feed" ;;
        c) echo close 1<>"p/$id/feed" ;;
        a) take "$id" "$number" "$size" "$more" ;;
        esac
    done
    leave $follower
}

receive() { # NAME SIZE: so many bytes of what comes in
    "$B" dd bs="$2" count=1 iflag=fullblock of="$1" 2>/dev/null
}

leave() { # PIDS: until they are gone
    kill -9 "$@" 2>/dev/null
    while kill -0 "$@" 2>/dev/null; do "$B" usleep 2000; done
}

answer() { # NUMBER: do what was asked
    (. "r/$1.ask")
    echo
    echo $?
    echo "r/$1" 1<>news
}

take() { # ID STREAM NUMBER BYTES-AND-LINES: the location has that many chunks
    [ -d "p/$1" ] || return
    echo "$3 $4" >"p/$1/$2.taken"
    echo "$3" 1<>"p/$1/$2.acks"
}

# -- news: names of files, whose sizes and contents are sent -----------------------------------------------------------

follow() {
    exec 4<>news
    while read -t 0 <&4; do read -r line <&4; done
    files=token
    for dir in p/*; do
        [ -e "$dir/spec" ] || continue
        id=${dir#p/}
        for stream in o e; do all_of "$dir" "$stream"; done
        [ -s "$dir/exit" ] && files="$files $dir/exit"
        send
    done
    files="$files ready"
    send
    while read -r line <&4; do
        count=0
        add $line
        while [ $((count += 1)) -lt 64 ] && read -t 0 <&4; do
            read -r line <&4
            add $line
        done
        send
    done
}

all_of() { # FOLDER STREAM: what the location may not have yet
    read -r taken more 2>/dev/null <"$1/$2.taken" || taken=0
    read -r last 2>/dev/null <"$1/$2.last" || last=0
    [ -e "$1/$2.taken" ] && files="$files $1/$2.taken"
    eval "${2}_$id=$last"
    while [ "$taken" -lt "$last" ]; do
        files="$files $1/$2.$((taken % RING))"
        taken=$((taken + 1))
    done
}

add() { # o ID NUMBER, e ID NUMBER, d ID, or a file's name
    case $1 in
    o | e)
        eval "sent=\${${1}_$2:-0}"
        [ "$3" -lt "$sent" ] && return
        eval "${1}_$2=$(($3 + 1))"
        files="$files p/$2/$1.$(($3 % RING))"
        ;;
    d)
        send
        "$B" rm -rf "p/$2"
        ;;
    *) files="$files $1" ;;
    esac
}

send() {
    [ -n "$files" ] || return
    "$B" stat -c '%n %s' $files
    echo
    "$B" cat $files
    files=
}

# -- processes ---------------------------------------------------------------------------------------------------------

make() { # ID: all a process needs, but itself; its spec is there already
    cd "/.tfnz/p/$1" || exit 1
    id=$1
    "$B" mkfifo -m 666 in out err
    "$B" mkfifo -m 600 o.acks e.acks feed up
    spool o out >/dev/null 2>&1 </dev/null &
    pids=$!
    spool e err >/dev/null 2>&1 </dev/null &
    pids="$pids $!"
    pump >/dev/null 2>&1 </dev/null &
    echo "$pids $!" >helpers
}

spool() { # STREAM PIPE: keeps what comes until the location has it; what does not fit waits in the pipe
    exec 3<>"$2" 4<>../../news 5<>"$1.acks"
    number=0 taken=0
    while "$B" dd bs=65536 count=1 of="$1.$((number % RING))" <&3 2>/dev/null; do
        echo $((number + 1)) >"$1.last"
        echo "$1 $id $number" >&4
        number=$((number + 1))
        while read -t 0 <&5 || [ $((number - taken)) -ge $RING ]; do read -r taken <&5; done
    done
}

pump() { # feeds a process its standard input
    trap '' PIPE
    exec 4<>../../news 5<>feed 6>in
    while read -r number <&5 && [ "$number" != close ]; do
        "$B" cat "i.$((number % 4))" >&6
        echo "$number" >"i.$((number % 4)).fed"
        echo "p/$id/i.$((number % 4)).fed" >&4
    done
}

go() { # ID: run it; says why not
    cd "/.tfnz/p/$1" || exit 1
    id=$1
    . ./spec
    why=$(find_command "$command") || { echo "$why"; return 1; }
    live >/dev/null 2>&1 </dev/null &
    echo $! >live
    read -r pid <up
    echo "$pid" >pid
}

find_command() { # NAME: says what is wrong with it
    verdict=
    case $1 in
    '') echo missing; return 1 ;;
    */*) cd "$at" && judge "$1"; return ;;
    esac
    IFS=:
    for folder in $path; do
        [ -f "${folder:-.}/$1" ] && [ -x "${folder:-.}/$1" ] && judge "${folder:-.}/$1" && return
        [ -n "$verdict" ] && break
    done
    [ -n "$verdict" ] || echo missing
    return 1
}

judge() { # FILE: what the kernel will say of it
    verdict=
    [ -e "$1" ] || verdict=missing
    [ -n "$verdict" ] || { [ -f "$1" ] && [ -x "$1" ]; } || verdict=forbidden
    if [ -z "$verdict" ]; then
        case $("$B" head -c 5 "$1" | "$B" hexdump -ve '1/1 "%02x"') in
        7f454c4601 | 7f454c4602) return 0 ;;
        2321*)
            read -r line <"$1"
            IFS=' 	'
            set -- ${line#??}
            [ -x "$1" ] && return 0
            verdict=interpreter
            ;;
        *) verdict=garbage ;;
        esac
    fi
    echo "$verdict"
    return 1
}

live() { # the parent of a process, for as long as it lives
    exec 4<>../../news 7<>out 8<>err
    read -r token <../../token
    if [ -n "$terminal" ]; then
        printf '#!%s sh\nexec %s sh /.tfnz/script on_terminal %s\n' "$B" "$B" "$id" >login
        "$B" chmod 700 login
        "$B" telnetd -i -f /.tfnz/none -l "/.tfnz/p/$id/login" <in >out 2>/dev/null
    else
        parent <in >out 2>err
    fi
    printf %s "$token" >&7
    printf %s "$token" >&8
}

parent() { # runs it and says how it ended
    killed_before=$(oom_kills)
    "$B" time -o time -f '' "$B" sh /.tfnz/script become "$id" 4>&- 7>&- 8>&-
    how="code $?"
    while read -r _ _ _ signal number; do
        [ "$signal" = signal ] && how="signal $number"
    done <time
    [ "$how" = "signal 9" ] && [ "$(oom_kills)" != "$killed_before" ] && how="signal 9 oom"
    echo "$how" >exit
    echo "p/$id/exit" 1<>../../news
    [ -s unwanted ] && end_orphans
}

on_terminal() { # ID: as parent, of a process on this terminal
    cd "/.tfnz/p/$1" || exit 1
    id=$1
    . ./spec
    trap : INT QUIT HUP TSTP
    "$B" stty sane $terminal
    "$B" chown "${uid:-0}" "$("$B" tty)"
    parent 2>&1
}

become() { # ID: this very process becomes it
    cd "/.tfnz/p/$1" || exit 1
    . ./spec
    echo $$ >up
    cd "$at" || exit 126
    [ -n "$uid" ] || exec "$B" env -i "$@"
    exec "$B" start-stop-daemon -q -S -p /.tfnz/none -c "$groups" -a "$B" -- nsenter -S "$uid" "$B" env -i "$@"
}

oom_kills() {
    "$B" grep -hs '^oom_kill ' /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events
}

forget() { # ID: nothing of it is needed any more
    [ -d "p/$1" ] || return
    read -r helpers <"p/$1/helpers"
    read -r live 2>/dev/null <"p/$1/live"
    leave $helpers $live
    for pipe in out err; do # whose last reader waits on
        read -t 0 1<>"p/$1/$pipe" 0<&1 || echo 1<>"p/$1/$pipe"
    done
    echo "d $1" 1<>news
}

# -- signals -----------------------------------------------------------------------------------------------------------

tree() { # PID: it and all below it: $pids, and with what tells them from later ones, $marked
    pids=" $1 " marked= grown=1
    while [ -n "$grown" ]; do
        grown=
        for stat in /proc/[0-9]*/stat; do
            pid=${stat#/proc/}
            pid=${pid%/stat}
            read -r line 2>/dev/null <"$stat" || continue
            set -- ${line##*) }
            case $pids in *" $pid "*) case $marked in *" $pid/"*) ;; *) marked="$marked $pid/${20}" ;; esac; continue ;; esac
            case $pids in *" $2 "*) pids="$pids$pid " marked="$marked $pid/${20}" grown=1 ;; esac
        done
    done
}

doom() { # PID: it and all it started; who is stopped starts nobody
    former=
    tree "$1"
    while [ "$pids" != "$former" ]; do
        kill -STOP $pids 2>/dev/null
        former=$pids
        tree "$1"
    done
    kill -9 $pids 2>/dev/null
}

living() { # ID -> $pid
    ! [ -s "p/$1/exit" ] && read -r pid 2>/dev/null <"p/$1/pid"
}

signal() { # ID NUMBER
    living "$1" || return 0
    target=$pid
    case $2 in
    9) doom "$target" ;;
    1 | 2 | 3 | 15)
        tree "$target"
        echo "$marked" >"p/$1/unwanted"
        kill "-$2" "$target"
        ;;
    *) kill "-$2" "$target" ;;
    esac
}

end() { # ID: ask it and all it started
    living "$1" || return 0
    tree "$pid"
    echo "$marked" >"p/$1/unwanted"
    kill -15 $pids 2>/dev/null
}

end_orphans() {
    read -r marked <unwanted
    for mark in $marked; do
        started "${mark%/*}" && [ "$since" = "${mark#*/}" ] && doom "${mark%/*}"
    done
}

stop() { # ID NUMBER: the stop signal where it is caught: says so
    living "$1" || return 0
    while read -r key value; do
        [ "$key" = SigCgt: ] && [ $((0x$value >> ($2 - 1) & 1)) = 1 ] && echo asked && kill "-$2" "$pid"
    done 2>/dev/null <"/proc/$pid/status"
}

clear_all() { # nothing but the first process goes on
    : >clearing
    kill -9 -1
    "$B" rm -rf p r desk.pids
    "$B" mkdir -m 700 p r
    "$B" rm clearing
}

# ----------------------------------------------------------------------------------------------------------------------

prepare() { # in the init container
    "$B" true 2>/dev/null || cp /proc/self/exe "$B"
    printf %s "$TFNZ_SCRIPT" >/.tfnz/script
    chmod 755 /.tfnz "$B"
}

case $1 in
prepare | init | desk | become | on_terminal) "$@" ;;
esac

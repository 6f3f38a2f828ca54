# The second part of init.sh: processes and what is asked of them.

# -- processes ---------------------------------------------------------------------------------------------------------

begin() { # ID SIZE asleep|awake: what a process needs; its spec comes in
    if [ -e "p/$1/begun" ]; then # an earlier desk has heard it
        receive /dev/null "$2"
        return
    fi
    "$B" mkdir -m 700 -p "p/$1" && receive "p/$1/spec" "$2" || return
    (cd "p/$1" && "$B" mkfifo -m 666 in out err && "$B" mkfifo -m 600 o.events e.events feed up turn)
    echo 0 0 0 >"p/$1/o.taken"
    echo 0 0 0 >"p/$1/e.taken"
    # who goes into the background by "&" would ignore interrupts, and pass that on
    "$B" start-stop-daemon -q -S -b -p /.tfnz/none -x "$B" -a "$B" -- sh /.tfnz/script live "$1" "$3"
    : >"p/$1/begun"
}

began() { # ID: wait until it runs; says why not
    read -r word number <"p/$1/up"
    if [ "$word" = pid ]; then
        echo "$number" >"p/$1/pid"
    else
        refuse "$word"
    fi
}

wake() { # ID: the same, of a sleeper
    echo awake >"p/$1/turn"
    began "$1"
}

live() { # ID asleep|awake: the parent of a process, for as long as it lives
    cd "/.tfnz/p/$1" || exit 1
    id=$1 asleep=${2#awake}
    . ./spec
    serve
    while :; do
        [ -z "$asleep" ] || read -r turn <turn
        why=$(find_command "$command") && break
        echo "$why" >up
        [ -n "$asleep" ] || exit 1
    done
    : >awake
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

serve() { # those who carry its outputs and its input
    read -r exec_reads 2>/dev/null <../../exec_reads
    spool o out &
    pids=$!
    spool e err &
    pids="$pids $!"
    pump &
    echo "$$ $pids $!" >helpers
}

spool() { # STREAM PIPE: keeps what comes until the location has it; what does not fit waits in the pipe
    exec 3<>"$2" 4<>../../news 5<>"$1.events"
    number=0 taken=0 flood= gulps=8
    while :; do
        slot=$1.$((number % RING))
        : >"$slot" # or what it held before would be taken for new, where dd is ended before it opens it
        if [ -n "$flood" ]; then
            gulp "$1" "$slot"
        else
            "$B" dd bs=65536 count=1 of="$slot" <&3 2>/dev/null
        fi
        if [ -s "$slot" ]; then
            echo $((number + 1)) >"$1.last"
            echo "$1 $id $number" >&4
            number=$((number + 1))
        fi
        while read -t 0 <&5 || [ $((number - taken)) -ge $RING ]; do read -r taken <&5; done
        flood=
        read -t 0 <&3 && [ -n "$exec_reads" ] && flood=1
    done
}

gulp() { # STREAM SLOT: several reads at once, for as long as more comes
    [ -p "$1.end" ] || { "$B" mkfifo -m 600 "$1.end" && exec 6<>"$1.end"; }
    "$B" dd bs=65536 count="$gulps" of="$2" <&3 2>&6 &
    until read -r -t 0.02 ended <&6 || rests $!; do :; done
    wait $!
    case $ended in 0+*) gulps=32 ;; *) gulps=8 ;; esac # small reads: the pipe is small
    while read -t 0 <&6; do read -r ended <&6; done
}

rests() { # PID: whether a dd waits with nothing in its hands: then it is ended
    kill -STOP "$1"
    while started "$1" && [ "$state" != T ]; do [ "$state" != Z ] || return; done
    while read -r key value; do
        case $key in rchar:) reads=$value ;; wchar:) writes=$value ;; esac
    done <"/proc/$1/io"
    [ $((reads - exec_reads)) = "$writes" ] && kill -9 "$1" && return
    kill -CONT "$1"
    return 1
}

pump() { # feeds a process its standard input
    trap '' PIPE
    exec 4<>../../news 5<>feed 6>in
    while read -r number <&5 && [ "$number" != close ]; do
        "$B" cat "i.$((number % 4))" >&6 2>/dev/null || number="broken $number"
        echo "$number" >"i.$((${number#broken } % 4)).fed"
        echo "p/$id/i.$((${number#broken } % 4)).fed" >&4
    done
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
    # telnetd lets go of what it has not passed on once nobody has the terminal: the token comes behind all of it
    read -r token <../../token
    printf %s "$token"
    printf %s "$token" 1<>err
    "$B" sleep 5
}

become() { # ID: this very process becomes it
    cd "/.tfnz/p/$1" || exit 1
    . ./spec
    echo "pid $$" >up
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
    leave $helpers
    for pipe in out err; do # whose last reader waits on
        read -t 0 1<>"p/$1/$pipe" 0<&1 || echo 1<>"p/$1/$pipe"
    done
    echo "d $1" 1<>news
}

list_all() { # every process: ID asleep|awake TERMINAL FED-COUNT FED-BYTES, and of both outputs COUNT BYTES LINES
    for dir in p/*; do
        [ -e "$dir/spec" ] || continue
        state=asleep fed='0 0' out='0 0 0' err='0 0 0'
        [ -e "$dir/awake" ] && state=awake
        read -r fed 2>/dev/null <"$dir/i.got"
        read -r out 2>/dev/null <"$dir/o.taken"
        read -r err 2>/dev/null <"$dir/e.taken"
        terminal=$(. "$dir/spec" && echo "${terminal:+terminal}")
        echo "${dir#p/} $state ${terminal:-pipes} $fed $out $err"
    done
}

put() { # PATH FILE: a file that is there before the command
    "$B" mkdir -p "${1%/*}/" || return
    said=$("$B" dd bs=1M of="$1" <"$2" 2>&1) || {
        echo "$said"
        return 1
    }
}

usage() { # microseconds of processor time, bytes of memory, processes
    groups=/sys/fs/cgroup
    if [ -e $groups/memory.current ]; then
        time=$("$B" sed -n 's/^usage_usec //p' $groups/cpu.stat)
        memory=$groups/memory.current
        idle=$("$B" sed -n 's/^inactive_file //p' $groups/memory.stat)
    else
        read -r time <$groups/cpuacct/cpuacct.usage
        time=$((time / 1000)) memory=$groups/memory/memory.usage_in_bytes
        idle=$("$B" sed -n 's/^total_inactive_file //p' $groups/memory/memory.stat)
    fi
    read -r memory <"$memory"
    count=0
    for line in /proc/[0-9]*/cmdline; do
        words=
        read -r words 2>/dev/null <"$line"
        case $words in '' | /.tfnz/busybox*) ;; *) count=$((count + 1)) ;; esac
    done
    echo "$time $((memory - idle)) $count"
}

listens() { # PORT: whether anybody does, on an address that port-forward reaches
    hex=$(printf '%04X' "$1")
    while read -r _ address _ state more; do
        case $address:$state in
        00000000:$hex:0A | 0100007F:$hex:0A) return ;;
        00000000000000000000000000000000:$hex:0A | 00000000000000000000000001000000:$hex:0A) return ;;
        esac
    done <<LISTENING
$("$B" cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
LISTENING
    return 1
}

# -- signals -----------------------------------------------------------------------------------------------------------

tree() { # PID: it and all below it: $pids, and with what tells them from later ones, $marked
    found=$("$B" cat /proc/[0-9]*/stat 2>/dev/null | "$B" awk -v top="$1" '
        {
            rest = $0
            sub(/^.*\) /, "", rest)
            split(rest, field, " ")
            pid[NR] = $1; parent[$1] = field[2]; since[$1] = field[20]
        }
        END {
            below[top] = 1
            do {
                grown = 0
                for (i = 1; i <= NR; i++)
                    if (!(pid[i] in below) && (parent[pid[i]] in below)) grown = below[pid[i]] = 1
            } while (grown)
            for (i = 1; i <= NR; i++)
                if (pid[i] in below) {
                    pids = pids pid[i] " "
                    marked = marked " " pid[i] "/" since[pid[i]]
                }
            print pids "|" marked
        }')
    pids=${found%%|*} marked=${found#*|}
}

doom() { # PID: it and all it started; who is stopped starts nobody
    kill -STOP "$1" 2>/dev/null # before looking: a head that forks fills the machine meanwhile
    former=
    tree "$1"
    while [ "$pids" != "$former" ]; do
        kill -STOP $pids 2>/dev/null
        former=$pids
        tree "$1"
    done
    kill -9 "$1" $pids 2>/dev/null
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

clear_all() { # MARK: nothing but the first process goes on, in what counts as another life
    started 1
    : >clearing
    kill -9 -1
    "$B" rm -rf p r desk.pids holders
    "$B" mkdir -m 700 p r
    echo "$since $1" >ready
    "$B" rm clearing
}


# What runs inside a Pod beside the user's own: see init.py. The first of three parts. For busybox's sh; every applet is called by its full name.
B=/.tfnz/busybox
RING=16

started() { # PID -> $since: what tells it from another that gets its number later; $state
    since= state=
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    set -- ${line##*) }
    state=$1 since=${20}
}

# -- the container's first process: it waits for others to end, and lasts until the container does ---------------------

init() {
    cd /.tfnz || exit 1
    "$B" rm -rf ready p r desk.pids clearing holders
    "$B" mkdir -m 700 p r
    [ -p news ] || "$B" mkfifo -m 600 news
    "$B" head -c 16 /dev/urandom | "$B" hexdump -e '16/1 "%02x"' >token
    # what the kernel reads to execute dd: a dd that has read more than that and what it wrote has something in hand
    "$B" dd if=/proc/self/io bs=4096 count=1 2>/dev/null | "$B" sed -n 's/^rchar: //p' >exec_reads
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
    until read -r known more 2>/dev/null <ready && [ "$known" = "$life" ] && ! [ -e clearing ]; do
        "$B" usleep 10000
    done
    old=
    read -r old 2>/dev/null <desk.pids && leave $old
    follow </dev/null &
    follower=$!
    echo "$$ $follower" >desk.pids
    while read -r verb id number size more; do
        case $verb in
        w) receive "$id" "$number" ;;
        q) ask "$id" "$number" ;;
        n) begin "$id" "$number" "$size" ;;
        i) feed "$id" "$number" "$size" "$more" ;;
        c) echo close 1<>"p/$id/feed" ;;
        a) take "$id" "$number" "$size" "$more" ;;
        k) : >"r/$id" ;;
        esac
    done
    leave $follower
}

receive() { # NAME SIZE: so many bytes of what comes in, and no fewer
    [ "$2" -gt 0 ] || { : >"$1"; return; }
    case $("$B" dd bs="$2" count=1 iflag=fullblock of="$1" 2>&1) in 1+0*) ;; *) return 1 ;; esac
}

ask() { # NUMBER SIZE: once, whatever became of the desk that heard it first
    if [ -e "r/$1.got" ]; then
        receive /dev/null "$2" && [ -e "r/$1.done" ] && echo "r/$1" 1<>news
    elif receive "r/$1.ask" "$2"; then
        : >"r/$1.got"
        answer "$1" >"r/$1" 2>&1 </dev/null &
        [ $(($1 % 64)) != 0 ] || tidy "$1" &
    fi
}

tidy() { # NUMBER: remove what was asked long before
    for old in r/*; do
        number=${old#r/}
        [ "${number%%.*}" -lt $(($1 - 64)) ] && "$B" rm -f "$old"
    done
}

feed() { # ID NUMBER SIZE BYTES: a chunk of standard input, which makes so many bytes of it
    had=0
    read -r had more 2>/dev/null <"p/$1/i.got"
    if ! [ -d "p/$1" ] || [ "$2" -lt "$had" ]; then
        receive /dev/null "$3"
        read -r fed 2>/dev/null <"p/$1/i.$(($2 % 4)).fed" && [ "${fed#broken }" = "$2" ] &&
            echo "p/$1/i.$(($2 % 4)).fed" 1<>news
    elif receive "p/$1/i.$(($2 % 4))" "$3"; then
        echo $(($2 + 1)) "$4" >"p/$1/i.got"
        echo "$2" 1<>"p/$1/feed"
    fi
}

leave() { # PIDS: until they are gone
    kill -9 "$@" 2>/dev/null
    while kill -0 "$@" 2>/dev/null; do "$B" usleep 2000; done
}

answer() { # NUMBER: do what was asked; the last line is its code
    (. "r/$1.ask")
    code=$?
    echo
    echo "$code"
    for old in "r/$1".data.*; do [ -e "$old" ] && : >"$old"; done
    : >"r/$1.done"
    echo "r/$1" 1<>news
}

take() { # ID STREAM NUMBER BYTES-AND-LINES: the location has that many chunks
    [ -d "p/$1" ] || return
    echo "$3 $4" >"p/$1/$2.taken"
    echo "$3" 1<>"p/$1/$2.events"
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
    read -r taken more 2>/dev/null <"$1/$2.taken" || return
    read -r last 2>/dev/null <"$1/$2.last" || last=0
    files="$files $1/$2.taken"
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


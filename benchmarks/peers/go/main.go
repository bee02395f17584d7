// Go's goroutines, as a program that measures when told to; the protocol is in report/serve.hpp. Each program is the same work as weft's, a
// goroutine where weft has a task. Standard library only. Usage: go_peer THREADS
package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The part of a call that counts.
type clock struct{ start time.Time }

func (c *clock) restart() { c.start = time.Now() }

type program func(size uint64, c *clock) uint64

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	var a, b uint64
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { a = fib(n - 1); wait.Done() }()
	go func() { b = fib(n - 2); wait.Done() }()
	wait.Wait()
	return a + b
}

func skynet(first, leaves uint64, out chan<- uint64) {
	if leaves == 1 {
		out <- first
		return
	}
	part := leaves / 10
	sums := make(chan uint64, 10)
	for i := uint64(0); i < 10; i++ {
		go skynet(first+i*part, part, sums)
	}
	total := uint64(0)
	for i := 0; i < 10; i++ {
		total += <-sums
	}
	out <- total
}

type board struct {
	column [14]int8
	rows   int
}

func (b *board) safe(candidate int) bool {
	for row := 0; row < b.rows; row++ {
		distance := candidate - int(b.column[row])
		if distance < 0 {
			distance = -distance
		}
		if distance == 0 || distance == b.rows-row {
			return false
		}
	}
	return true
}

func place(n int, b board) uint64 {
	if b.rows == n {
		return 1
	}
	var solutions [14]uint64
	var wait sync.WaitGroup
	for column := 0; column < n; column++ {
		if !b.safe(column) {
			continue
		}
		next := b
		next.column[next.rows] = int8(column)
		next.rows++
		wait.Add(1)
		go func(slot *uint64) { *slot = place(n, next); wait.Done() }(&solutions[column])
	}
	wait.Wait()
	total := uint64(0)
	for _, count := range solutions {
		total += count
	}
	return total
}

type utsNode struct {
	state  [20]byte
	height int
}

func (node *utsNode) children(which uint64) int {
	random := float64(binary.BigEndian.Uint32(node.state[16:])&0x7fffffff) / 2147483648.0
	if which == 3 || which > 1000 {
		if node.height == 0 {
			if which == 3 {
				return 2000
			}
			return int(which - 1000)
		}
		if random < 0.124875 {
			return 8
		}
		return 0
	}
	depth := 10
	if which > 100 {
		depth = int(which - 100)
	}
	if node.height != 0 && node.height >= depth {
		return 0
	}
	count := int(math.Floor(math.Log(1-random) / math.Log(1-1/(1+4.0))))
	if count > 100 {
		return 100
	}
	return count
}

func (node *utsNode) child(i uint32) utsNode {
	var message [24]byte
	copy(message[:], node.state[:])
	binary.BigEndian.PutUint32(message[20:], i)
	return utsNode{sha1.Sum(message[:]), node.height + 1}
}

func utsCount(which uint64, node *utsNode) uint64 {
	number := node.children(which)
	if number == 0 {
		return 1
	}
	nodes := make([]uint64, number)
	var wait sync.WaitGroup
	wait.Add(number)
	for i := range nodes {
		go func(i int) {
			child := node.child(uint32(i))
			nodes[i] = utsCount(which, &child)
			wait.Done()
		}(i)
	}
	wait.Wait()
	total := uint64(1)
	for _, n := range nodes {
		total += n
	}
	return total
}

func uts(which uint64) uint64 {
	var message [20]byte
	seed := uint32(19)
	if which == 3 || which > 1000 {
		seed = 42
	}
	binary.BigEndian.PutUint32(message[16:], seed)
	root := utsNode{sha1.Sum(message[:]), 0}
	return utsCount(which, &root)
}

type interval struct{ left, right, atLeft, atRight, area float64 }

func f(x float64) float64 { return (x*x + 1) * x }

func newInterval(left, right, atLeft, atRight float64) interval {
	return interval{left, right, atLeft, atRight, (atLeft + atRight) * (right - left) / 2}
}

func area(whole interval) float64 {
	middle := whole.left + (whole.right-whole.left)/2
	atMiddle := f(middle)
	low := newInterval(whole.left, middle, whole.atLeft, atMiddle)
	high := newInterval(middle, whole.right, atMiddle, whole.atRight)
	if math.Abs(low.area+high.area-whole.area) < 1e-9 {
		return low.area + high.area
	}
	var a, b float64
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { a = area(low); wait.Done() }()
	go func() { b = area(high); wait.Done() }()
	wait.Wait()
	return a + b
}

func spawnAwait(tasks uint64) uint64 {
	sum := uint64(0)
	done := make(chan uint64)
	for i := uint64(0); i < tasks; i++ {
		go func(i uint64) { done <- i }(i)
		sum += <-done
	}
	return sum
}

func group(tasks uint64) uint64 {
	slots := make([]uint64, tasks)
	var wait sync.WaitGroup
	wait.Add(int(tasks))
	for i := range slots {
		go func(i int) { slots[i] = uint64(i); wait.Done() }(i)
	}
	wait.Wait()
	sum := uint64(0)
	for _, value := range slots {
		sum += value
	}
	return sum
}

func gathers(width, children uint64) uint64 {
	sum := uint64(0)
	slots := make([]uint64, width)
	for i := uint64(0); i < children; i += width {
		var wait sync.WaitGroup
		wait.Add(int(width))
		for k := range slots {
			slots[k] = 0
			go func(k int) { slots[k] = 1; wait.Done() }(k)
		}
		wait.Wait()
		for _, value := range slots {
			sum += value
		}
	}
	return sum
}

func yieldOften(times uint64) {
	for i := uint64(0); i < times; i++ {
		runtime.Gosched()
	}
}

func players(number int, play func()) {
	var wait sync.WaitGroup
	wait.Add(number)
	for i := 0; i < number; i++ {
		go func() { play(); wait.Done() }()
	}
	wait.Wait()
}

func event(times uint64) uint64 {
	a, b := make(chan struct{}, 1), make(chan struct{}, 1)
	turns := func(mine, other chan struct{}) func() {
		return func() {
			for i := uint64(0); i < times/2; i++ {
				<-mine
				other <- struct{}{}
			}
		}
	}
	a <- struct{}{}
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { turns(a, b)(); wait.Done() }()
	go func() { turns(b, a)(); wait.Done() }()
	wait.Wait()
	return times
}

func lockFree(times uint64) uint64 {
	var mutex sync.Mutex
	for i := uint64(0); i < times; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
	return times
}

func lockContended(times uint64) uint64 {
	var mutex sync.Mutex
	held := uint64(0)
	players(4, func() {
		for i := uint64(0); i < times/4; i++ {
			mutex.Lock()
			runtime.Gosched()
			held++
			mutex.Unlock()
		}
	})
	return held
}

// A channel has a bound; 1,024 stands for none.
func throughQueue(bound int, sides, items uint64) uint64 {
	queue := make(chan uint64, bound)
	sums := make([]uint64, sides)
	var wait sync.WaitGroup
	for side := uint64(0); side < sides; side++ {
		wait.Add(2)
		go func(sum *uint64) {
			for i := uint64(0); i < items/sides; i++ {
				*sum += <-queue
			}
			wait.Done()
		}(&sums[side])
		go func() {
			for i := uint64(0); i < items/sides; i++ {
				queue <- i
			}
			wait.Done()
		}()
	}
	wait.Wait()
	total := uint64(0)
	for _, sum := range sums {
		total += sum
	}
	return total
}

func timeouts(times uint64) uint64 {
	for i := uint64(0); i < times; i++ {
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		runtime.Gosched()
		cancel()
	}
	return times
}

func sleepers(tasks uint64) (cancel func(), join func() uint64) {
	ctx, stop := context.WithCancel(context.Background())
	var asleep, ended sync.WaitGroup
	asleep.Add(int(tasks))
	ended.Add(int(tasks))
	cancelled := make([]uint8, tasks)
	for i := uint64(0); i < tasks; i++ {
		go func(end *uint8) {
			timer := time.NewTimer(time.Hour)
			asleep.Done()
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				*end = 1
			}
			ended.Done()
		}(&cancelled[i])
	}
	asleep.Wait()
	time.Sleep(10 * time.Millisecond)
	return stop, func() uint64 {
		ended.Wait()
		total := uint64(0)
		for _, end := range cancelled {
			total += uint64(end)
		}
		return total
	}
}

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") {
			kib, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			return kib * 1024
		}
	}
	return 0
}

func memoryAsleep(tasks uint64) []float64 {
	before := resident()
	cancel, join := sleepers(tasks)
	after := resident()
	cancel()
	join()
	return []float64{(after - before) / float64(tasks)}
}

func wakeUp(rounds uint64) []float64 {
	times := make([]float64, 0, rounds)
	serve, done := make(chan time.Time), make(chan struct{})
	go func() {
		for start := range serve {
			times = append(times, float64(time.Since(start).Nanoseconds()))
			done <- struct{}{}
		}
	}()
	for i := uint64(0); i < rounds; i++ {
		time.Sleep(time.Millisecond)
		serve <- time.Now()
		<-done
	}
	close(serve)
	return times
}

func plain(fn func(uint64) uint64) program {
	return func(size uint64, _ *clock) uint64 { return fn(size) }
}

var programs = map[string]program{
	"fib":       plain(fib),
	"nqueens":   plain(func(n uint64) uint64 { return place(int(n), board{}) }),
	"uts":       plain(uts),
	"integrate": plain(func(n uint64) uint64 { return uint64(math.Round(area(newInterval(0, float64(n), f(0), f(float64(n)))))) }),
	"skynet": plain(func(leaves uint64) uint64 {
		out := make(chan uint64, 1)
		go skynet(0, leaves, out)
		return <-out
	}),
	"spawn_await": plain(spawnAwait),
	"group":       plain(group),
	"gather2":     plain(func(n uint64) uint64 { return gathers(2, n) }),
	"gather10":    plain(func(n uint64) uint64 { return gathers(10, n) }),
	"gather1000":  plain(func(n uint64) uint64 { return gathers(1000, n) }),
	"gather_once": plain(func(n uint64) uint64 { return gathers(n, n) }),
	"yield":       plain(func(n uint64) uint64 { yieldOften(n); return n }),
	"yield_in_turn": plain(func(n uint64) uint64 {
		players(100, func() { yieldOften(n / 100) })
		return n / 100 * 100
	}),
	"event":          plain(event),
	"lock_free":      plain(lockFree),
	"lock_contended": plain(lockContended),
	"queue_1_1":      plain(func(n uint64) uint64 { return throughQueue(1024, 1, n) }),
	"queue_4_4":      plain(func(n uint64) uint64 { return throughQueue(1024, 4, n) }),
	"queue_bounded":  plain(func(n uint64) uint64 { return throughQueue(16, 1, n) }),
	"timeouts":       plain(timeouts),
	"cancel_asleep": func(tasks uint64, c *clock) uint64 {
		cancel, join := sleepers(tasks)
		c.restart()
		cancel()
		return join()
	},
}

var distributions = map[string]func(uint64) []float64{"memory_asleep": memoryAsleep, "wake_up": wakeUp}

func answer(line string) string {
	words := strings.Fields(line)
	switch {
	case line == "version":
		return runtime.Version()
	case line == "programs":
		var names []string
		for name := range programs {
			names = append(names, name)
		}
		for name := range distributions {
			names = append(names, name)
		}
		sort.Strings(names)
		return strings.Join(names, " ")
	case len(words) == 4 && words[0] == "run":
		size, _ := strconv.ParseUint(words[2], 10, 64)
		calls, _ := strconv.Atoi(words[3])
		if samples, known := distributions[words[1]]; known {
			text := "samples"
			for _, value := range samples(size) {
				text += fmt.Sprintf(" %.1f", value)
			}
			return text
		}
		if run, known := programs[words[1]]; known {
			var result uint64
			seconds := 0.0
			for i := 0; i < calls; i++ {
				c := clock{time.Now()}
				result = run(size, &c)
				seconds += time.Since(c.start).Seconds()
			}
			return fmt.Sprintf("ok %.9f %d", seconds, result)
		}
	}
	return "error not understood: " + line
}

func main() {
	if len(os.Args) == 2 {
		threads, _ := strconv.Atoi(os.Args[1])
		runtime.GOMAXPROCS(threads)
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		fmt.Println(answer(input.Text()))
	}
}

;; Arithmetic of Z_p[X]/(X^n + 1) for one prime p < 2^61: the number-theoretic transform and what goes with it.
;; Works on vectors of n unsigned 64-bit residues in an imported memory; knows no keys, allocates nothing.
;;
;; "Shoup": a fixed factor w comes with wq = floor(w * 2^64 / p). The quotient floor(x * wq / 2^64) is formed from
;; three 32-bit products, without the lowest one, which makes it at most 2 too small; so for every 64-bit x the value
;; x * w - quotient * p lies in [0, 4p). As 8p < 2^64, butterflies leave values in [0, 8p) and reduce only at the end
;; (after D. Harvey, "Faster arithmetic for number-theoretic transforms", 2014).
(module
  (memory (import "env" "memory") 1)

  ;; x - c if x >= c, else x
  (func $less (param $x i64) (param $c i64) (result i64)
    (i64.sub (local.get $x)
      (select (local.get $c) (i64.const 0) (i64.ge_u (local.get $x) (local.get $c)))))

  ;; x * w mod p, fully reduced, for any x; w < p
  (func $shoup (param $x i64) (param $w i64) (param $wq i64) (param $p i64) (result i64)
    (local $xh i64) (local $wh i64)
    (local.set $xh (i64.shr_u (local.get $x) (i64.const 32)))
    (local.set $wh (i64.shr_u (local.get $wq) (i64.const 32)))
    (call $less
      (call $less
        (i64.sub
          (i64.mul (local.get $x) (local.get $w))
          (i64.mul (local.get $p)
            (i64.add
              (i64.mul (local.get $xh) (local.get $wh))
              (i64.add
                (i64.shr_u (i64.mul (local.get $xh) (i64.and (local.get $wq) (i64.const 0xffffffff))) (i64.const 32))
                (i64.shr_u (i64.mul (i64.and (local.get $x) (i64.const 0xffffffff)) (local.get $wh)) (i64.const 32))))))
        (i64.shl (local.get $p) (i64.const 1)))
      (local.get $p)))

  ;; the upper 64 bits of a * b, exactly
  (func $mulhi (param $a i64) (param $b i64) (result i64)
    (local $al i64) (local $ah i64) (local $bl i64) (local $bh i64) (local $m i64) (local $k i64)
    (local.set $al (i64.and (local.get $a) (i64.const 0xffffffff)))
    (local.set $ah (i64.shr_u (local.get $a) (i64.const 32)))
    (local.set $bl (i64.and (local.get $b) (i64.const 0xffffffff)))
    (local.set $bh (i64.shr_u (local.get $b) (i64.const 32)))
    (local.set $m
      (i64.add
        (i64.mul (local.get $ah) (local.get $bl))
        (i64.shr_u (i64.mul (local.get $al) (local.get $bl)) (i64.const 32))))
    (local.set $k
      (i64.add
        (i64.mul (local.get $al) (local.get $bh))
        (i64.and (local.get $m) (i64.const 0xffffffff))))
    (i64.add
      (i64.mul (local.get $ah) (local.get $bh))
      (i64.add
        (i64.shr_u (local.get $m) (i64.const 32))
        (i64.shr_u (local.get $k) (i64.const 32)))))

  ;; Fills a table of n pairs (w, wq): entry k is root^(k with its bits reversed). `pinv` is 1/p mod 2^64,
  ;; (r, rq) the Shoup pair of 2^64 mod p. From w * 2^64 = wq * p + rest follows wq = -rest / p mod 2^64.
  (func (export "powers") (param $table i32) (param $n i32) (param $p i64) (param $pinv i64)
      (param $r i64) (param $rq i64) (param $root i64) (param $rootq i64)
    (local $i i32) (local $k i32) (local $bit i32) (local $w i64) (local $at i32)
    (local.set $w (i64.const 1))
    (loop $each
      (local.set $at (i32.add (local.get $table) (i32.shl (local.get $k) (i32.const 4))))
      (i64.store (local.get $at) (local.get $w))
      (i64.store offset=8 (local.get $at)
        (i64.mul
          (i64.sub (i64.const 0)
            (call $shoup (local.get $w) (local.get $r) (local.get $rq) (local.get $p)))
          (local.get $pinv)))
      (local.set $w (call $shoup (local.get $w) (local.get $root) (local.get $rootq) (local.get $p)))
      ;; k counts with its bits reversed
      (local.set $bit (i32.shr_u (local.get $n) (i32.const 1)))
      (block $carried
        (loop $carry
          (br_if $carried (i32.eqz (i32.and (local.get $k) (local.get $bit))))
          (local.set $k (i32.xor (local.get $k) (local.get $bit)))
          (local.set $bit (i32.shr_u (local.get $bit) (i32.const 1)))
          (br $carry)))
      (local.set $k (i32.or (local.get $k) (local.get $bit)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $i) (local.get $n)))))

  ;; Coefficients to values, in place: entry i becomes the value at root^(2 * reversed(i) + 1). n is at least 2.
  (func (export "forward") (param $a i32) (param $n i32) (param $table i32) (param $p i64)
    (local $end i32) (local $half i32) (local $x i32) (local $stop i32) (local $y i32)
    (local $w i64) (local $ql i64) (local $qh i64) (local $p4 i64) (local $u i64) (local $v i64) (local $vh i64)
    (local.set $p4 (i64.shl (local.get $p) (i64.const 2)))
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (local.set $half (i32.shl (local.get $n) (i32.const 2)))
    (local.set $table (i32.add (local.get $table) (i32.const 16)))
    (loop $stage
      (local.set $x (local.get $a))
      (loop $block
        (local.set $w (i64.load (local.get $table)))
        (local.set $ql (i64.load32_u offset=8 (local.get $table)))
        (local.set $qh (i64.load32_u offset=12 (local.get $table)))
        (local.set $table (i32.add (local.get $table) (i32.const 16)))
        (local.set $stop (i32.add (local.get $x) (local.get $half)))
        (loop $butterfly
          (local.set $y (i32.add (local.get $x) (local.get $half)))
          (local.set $u (i64.load (local.get $x)))
          (local.set $u
            (i64.sub (local.get $u)
              (select (local.get $p4) (i64.const 0) (i64.ge_u (local.get $u) (local.get $p4)))))
          (local.set $v (i64.load (local.get $y)))
          (local.set $vh (i64.shr_u (local.get $v) (i64.const 32)))
          (local.set $v
            (i64.sub
              (i64.mul (local.get $v) (local.get $w))
              (i64.mul (local.get $p)
                (i64.add
                  (i64.mul (local.get $vh) (local.get $qh))
                  (i64.add
                    (i64.shr_u (i64.mul (local.get $vh) (local.get $ql)) (i64.const 32))
                    (i64.shr_u
                      (i64.mul (i64.and (local.get $v) (i64.const 0xffffffff)) (local.get $qh))
                      (i64.const 32)))))))
          (i64.store (local.get $x) (i64.add (local.get $u) (local.get $v)))
          (i64.store (local.get $y)
            (i64.add (local.get $u) (i64.sub (local.get $p4) (local.get $v))))
          (local.set $x (i32.add (local.get $x) (i32.const 8)))
          (br_if $butterfly (i32.lt_u (local.get $x) (local.get $stop))))
        (local.set $x (i32.add (local.get $x) (local.get $half)))
        (br_if $block (i32.lt_u (local.get $x) (local.get $end))))
      (local.set $half (i32.shr_u (local.get $half) (i32.const 1)))
      (br_if $stage (i32.ge_u (local.get $half) (i32.const 8))))
    ;; from [0, 8p) to [0, p)
    (loop $reduce
      (i64.store (local.get $a)
        (call $less
          (call $less
            (call $less (i64.load (local.get $a)) (local.get $p4))
            (i64.shl (local.get $p) (i64.const 1)))
          (local.get $p)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $reduce (i32.lt_u (local.get $a) (local.get $end)))))

  ;; Values to coefficients, in place. `table` holds the powers of 1/root, (s, sq) is the Shoup pair of 1/n.
  (func (export "inverse") (param $a i32) (param $n i32) (param $table i32) (param $p i64) (param $s i64) (param $sq i64)
    (local $end i32) (local $half i32) (local $x i32) (local $stop i32) (local $y i32) (local $entry i32) (local $m i32)
    (local $sum i64) (local $w i64) (local $ql i64) (local $qh i64) (local $p4 i64) (local $u i64) (local $v i64) (local $vh i64)
    (local.set $p4 (i64.shl (local.get $p) (i64.const 2)))
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (local.set $half (i32.const 8))
    (local.set $m (i32.shr_u (local.get $n) (i32.const 1)))
    (loop $stage
      (local.set $x (local.get $a))
      (local.set $entry (i32.add (local.get $table) (i32.shl (local.get $m) (i32.const 4))))
      (loop $block
        (local.set $w (i64.load (local.get $entry)))
        (local.set $ql (i64.load32_u offset=8 (local.get $entry)))
        (local.set $qh (i64.load32_u offset=12 (local.get $entry)))
        (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
        (local.set $stop (i32.add (local.get $x) (local.get $half)))
        (loop $butterfly
          (local.set $y (i32.add (local.get $x) (local.get $half)))
          (local.set $u (i64.load (local.get $x)))
          (local.set $v (i64.load (local.get $y)))
          (local.set $sum (i64.add (local.get $u) (local.get $v)))
          (i64.store (local.get $x)
            (i64.sub (local.get $sum)
              (select (local.get $p4) (i64.const 0) (i64.ge_u (local.get $sum) (local.get $p4)))))
          (local.set $v (i64.add (local.get $u) (i64.sub (local.get $p4) (local.get $v))))
          (local.set $vh (i64.shr_u (local.get $v) (i64.const 32)))
          (i64.store (local.get $y)
            (i64.sub
              (i64.mul (local.get $v) (local.get $w))
              (i64.mul (local.get $p)
                (i64.add
                  (i64.mul (local.get $vh) (local.get $qh))
                  (i64.add
                    (i64.shr_u (i64.mul (local.get $vh) (local.get $ql)) (i64.const 32))
                    (i64.shr_u
                      (i64.mul (i64.and (local.get $v) (i64.const 0xffffffff)) (local.get $qh))
                      (i64.const 32)))))))
          (local.set $x (i32.add (local.get $x) (i32.const 8)))
          (br_if $butterfly (i32.lt_u (local.get $x) (local.get $stop))))
        (local.set $x (i32.add (local.get $x) (local.get $half)))
        (br_if $block (i32.lt_u (local.get $x) (local.get $end))))
      (local.set $half (i32.shl (local.get $half) (i32.const 1)))
      (local.set $m (i32.shr_u (local.get $m) (i32.const 1)))
      (br_if $stage (local.get $m)))
    (loop $scale
      (i64.store (local.get $a)
        (call $shoup (i64.load (local.get $a)) (local.get $s) (local.get $sq) (local.get $p)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $scale (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] * b[i]: a Montgomery product, then times 2^64 mod p = (r, rq)
  (func (export "multiply") (param $a i32) (param $b i32) (param $n i32)
      (param $p i64) (param $pinv i64) (param $r i64) (param $rq i64)
    (local $end i32) (local $x i64) (local $y i64) (local $hi i64) (local $mp i64)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (local.set $x (i64.load (local.get $a)))
      (local.set $y (i64.load (local.get $b)))
      (local.set $hi (call $mulhi (local.get $x) (local.get $y)))
      (local.set $mp
        (call $mulhi
          (i64.mul (i64.mul (local.get $x) (local.get $y)) (local.get $pinv))
          (local.get $p)))
      (i64.store (local.get $a)
        (call $shoup
          (i64.add
            (i64.sub (local.get $hi) (local.get $mp))
            (select (local.get $p) (i64.const 0) (i64.lt_u (local.get $hi) (local.get $mp))))
          (local.get $r) (local.get $rq) (local.get $p)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] + b[i]
  (func (export "add") (param $a i32) (param $b i32) (param $n i32) (param $p i64)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (i64.store (local.get $a)
        (call $less (i64.add (i64.load (local.get $a)) (i64.load (local.get $b))) (local.get $p)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] - b[i]
  (func (export "subtract") (param $a i32) (param $b i32) (param $n i32) (param $p i64)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (i64.store (local.get $a)
        (call $less
          (i64.add (i64.load (local.get $a)) (i64.sub (local.get $p) (i64.load (local.get $b))))
          (local.get $p)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] * w + c for a Shoup pair (w, wq) and c < p; a may hold any 64-bit values, so w = 1 reduces them
  (func (export "affine") (param $a i32) (param $n i32) (param $p i64) (param $w i64) (param $wq i64) (param $c i64)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (i64.store (local.get $a)
        (call $less
          (i64.add
            (call $shoup (i64.load (local.get $a)) (local.get $w) (local.get $wq) (local.get $p))
            (local.get $c))
          (local.get $p)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] + b[i] * w
  (func (export "addScaled") (param $a i32) (param $b i32) (param $n i32) (param $p i64) (param $w i64) (param $wq i64)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (i64.store (local.get $a)
        (call $less
          (i64.add
            (i64.load (local.get $a))
            (call $shoup (i64.load (local.get $b)) (local.get $w) (local.get $wq) (local.get $p)))
          (local.get $p)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; a[i] = a[i] + b[i] * w, where b holds signed 32-bit numbers. No branch depends on them.
  (func (export "addSigned") (param $a i32) (param $b i32) (param $n i32) (param $p i64) (param $w i64) (param $wq i64)
    (local $end i32) (local $v i64) (local $sign i64)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (local.set $v (i64.load32_s (local.get $b)))
      (local.set $sign (i64.shr_s (local.get $v) (i64.const 63)))
      ;; |v| * w, negated where v is negative
      (local.set $v
        (call $shoup
          (i64.sub (i64.xor (local.get $v) (local.get $sign)) (local.get $sign))
          (local.get $w) (local.get $wq) (local.get $p)))
      (i64.store (local.get $a)
        (call $less
          (i64.add
            (i64.load (local.get $a))
            (select (local.get $v) (i64.sub (local.get $p) (local.get $v)) (i64.eqz (local.get $sign))))
          (local.get $p)))
      (local.set $b (i32.add (local.get $b) (i32.const 4)))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end)))))

  ;; The place of the first entry that is not below p, or n.
  (func (export "firstAbove") (param $a i32) (param $n i32) (param $p i64) (result i32)
    (local $i i32)
    (block $found
      (loop $each
        (br_if $found (i32.ge_u (local.get $i) (local.get $n)))
        (br_if $found (i64.ge_u (i64.load (local.get $a)) (local.get $p)))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (local.get $i))

  ;; Writes n values of a as a stream of `bits` bits each, lowest first; values are below 2^bits, bits below 62. Up to
  ;; eight bytes behind the stream are overwritten.
  (func (export "pack") (param $out i32) (param $a i32) (param $n i32) (param $bits i64)
    (local $end i32) (local $v i64) (local $held i64) (local $used i64) (local $rest i64)
    (local.set $end (i32.add (local.get $a) (i32.shl (local.get $n) (i32.const 3))))
    (loop $each
      (local.set $v (i64.load (local.get $a)))
      (local.set $held (i64.or (local.get $held) (i64.shl (local.get $v) (local.get $used))))
      (local.set $rest (i64.sub (i64.const 64) (local.get $used)))
      (local.set $used (i64.add (local.get $used) (local.get $bits)))
      (if (i64.ge_u (local.get $used) (i64.const 64))
        (then ;; never with nothing held, so the shift is below 64
          (i64.store (local.get $out) (local.get $held))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (local.set $held (i64.shr_u (local.get $v) (local.get $rest)))
          (local.set $used (i64.sub (local.get $used) (i64.const 64)))))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $a) (local.get $end))))
    (i64.store (local.get $out) (local.get $held)))

  ;; Reads n values of `bits` bits each into a. Gives the place of the first that is not below p, or n; behind such a
  ;; one nothing is read. Up to nine bytes behind the stream are looked at and do not count.
  (func (export "unpack") (param $a i32) (param $in i32) (param $n i32) (param $bits i32) (param $p i64) (result i32)
    (local $i i32) (local $at i32) (local $byte i32) (local $shift i64) (local $v i64) (local $mask i64)
    (local.set $mask
      (i64.sub (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $bits))) (i64.const 1)))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $byte (i32.add (local.get $in) (i32.shr_u (local.get $at) (i32.const 3))))
        (local.set $shift (i64.extend_i32_u (i32.and (local.get $at) (i32.const 7))))
        (local.set $v
          (i64.and
            (i64.or
              (i64.shr_u (i64.load (local.get $byte)) (local.get $shift))
              ;; the ninth byte, moved by 64 - shift in two steps: a shift by 64 would be one by 0
              (i64.shl
                (i64.shl (i64.load8_u offset=8 (local.get $byte)) (i64.const 1))
                (i64.sub (i64.const 63) (local.get $shift))))
            (local.get $mask)))
        (br_if $done (i64.ge_u (local.get $v) (local.get $p)))
        (i64.store (local.get $a) (local.get $v))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (local.get $bits)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (local.get $i))
)

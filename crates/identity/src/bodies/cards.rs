//! Numbers of payment cards: 14 to 19 digits that begin as an issuer's do and pass Luhn's check
//! (ISO/IEC 7812), in one run or in groups.

use super::bits;
use super::hit::{Hit, Until, Written, byte};

/// The shortest.
const SHORTEST: usize = 14;
/// The longest, with a sign after each digit.
const LONGEST: usize = 40;
/// So many digits where a body breaks off may be the beginning of one.
const BEGINNING: usize = 6;

/// Finds them in `run`. `cut` says that the body breaks off with it.
pub(super) fn find(run: &[u8], cut: bool, hits: &mut Vec<Hit>) {
    let is_sign = |b: &&u8| is_part(**b) && !b.is_ascii_digit();
    let signs = if cut { run.iter().rev().take_while(is_sign).count() } else { 0 };
    let run = run.get(..run.len() - signs).unwrap_or_default();
    let mut resume = 0;
    let mut before = 0;
    bits::each_block(run, |start, block| {
        let maybe = bits::bits(block, may_be_parts);
        let beginnings = beginnings(before, maybe);
        before = maybe;
        bits::each_bit(beginnings, |bit| {
            let at = (start + bit).saturating_sub(SHORTEST - 1);
            if at >= resume && begins(run, at) {
                resume = around(run, at, cut, hits);
            }
        });
    });
    // What touches the end, and is too short to have been met.
    if cut && run.last().is_some_and(u8::is_ascii_digit) && resume < run.len() {
        around(run, run.len() - 1, cut, hits);
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'+')
}

/// Whether a number may begin there: a digit, and only parts behind it.
#[inline]
fn begins(run: &[u8], at: usize) -> bool {
    let number = run.get(at..at + SHORTEST).unwrap_or_default();
    number.first().is_some_and(u8::is_ascii_digit) && number.iter().all(|byte| is_part(*byte))
}

/// What parts are among: digits and all signs before them, from the space on. One test instead of four;
/// what it lets through is looked at byte by byte.
#[inline]
fn may_be_parts(lanes: bits::Lanes) -> bits::Lanes {
    bits::are_from(lanes, b' ', b'9' - b' ')
}

/// Where so many of `parts` stand together as a number has at least, and the last of them is in this block: its
/// bits are moved up by so many. `before` are those of the block before.
#[inline]
fn beginnings(before: u64, parts: u64) -> u64 {
    let mut together = u128::from(parts) << 64 | u128::from(before);
    let mut length = 1;
    while 2 * length <= SHORTEST {
        together &= together >> length;
        length *= 2;
    }
    together &= together >> (SHORTEST - length);
    (together >> (u64::BITS as usize - (SHORTEST - 1))) as u64
}

/// Looks at the digits around `at`; gives where to go on.
fn around(run: &[u8], at: usize, cut: bool, hits: &mut Vec<Hit>) -> usize {
    let mut start = at + 1;
    while start > 0 && at + 1 - start < LONGEST && is_part_at(run, start - 1) {
        start -= 1;
    }
    let mut end = at + 1;
    while end < run.len() && end - start < 3 * LONGEST && is_part_at(run, end) {
        end += 1;
    }
    if end - start < SHORTEST && !(cut && end == run.len()) {
        return end;
    }
    let is_long = end - start >= 3 * LONGEST;
    let text = run.get(start..end).unwrap_or_default();
    // Where digits begin and end that stand together.
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let edges = |at: &usize| is_digit(*at) && (*at == 0 || !is_digit(at - 1));
    let ends = |at: &usize| is_digit(at - 1) && !is_digit(*at);
    let mut resume = 0;
    for first in (0..text.len()).filter(edges) {
        if first < resume || is_in_word(run, start + first) {
            continue;
        }
        let most = text.len().min(first + LONGEST);
        for last in (first + 1..=most).rev().filter(ends) {
            if !ends_in_word(run, start + last) && text.get(first..last).is_some_and(is_card) {
                hits.push(hit(run, start + first, start + last));
                resume = last;
                break;
            }
        }
        if cut
            && end == run.len()
            && first >= resume
            && may_begin(text.get(first..).unwrap_or_default())
        {
            hits.push(Hit::whole(start + first, start + first..end));
            resume = text.len();
        }
    }
    if is_long { end - LONGEST / 2 } else { end }
}

fn hit(run: &[u8], first: usize, last: usize) -> Hit {
    let level = level_of_number(run, first, last);
    let written = level.map_or(Written::Plain, Written::Quoted);
    let end = (last < run.len()).then_some(last);
    let until = Until::Any(b"\",;&<>]} \t\r\n");
    Hit::ending(first, first, end, run.len(), until).written(written)
}

/// Whether it is the end of a word or the fraction of a number that begins there.
fn is_in_word(run: &[u8], at: usize) -> bool {
    at > 0 && (is_word(byte(run, at - 1)) || byte(run, at - 1) == b'.')
}

fn ends_in_word(run: &[u8], at: usize) -> bool {
    is_word(byte(run, at)) || byte(run, at) == b'.' && byte(run, at + 1).is_ascii_digit()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Whether a body that breaks off here may have broken off within a number.
fn may_begin(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    (BEGINNING..=16).contains(&digits) && matches!(text.first(), Some(b'2'..=b'6'))
}

/// A digit, or one sign between two digits.
fn is_part_at(run: &[u8], at: usize) -> bool {
    let here = byte(run, at);
    here.is_ascii_digit()
        || is_part(here)
            && at > 0
            && byte(run, at - 1).is_ascii_digit()
            && byte(run, at + 1).is_ascii_digit()
}

/// Where what stands there is a number of JSON, the value of a member or in an array: the backslashes
/// before the quotes around it.
fn level_of_number(run: &[u8], first: usize, last: usize) -> Option<usize> {
    let before = run.get(..first)?.trim_ascii_end();
    let after = run.get(last..).unwrap_or_default().trim_ascii_start().first();
    match before.split_last()? {
        (b':', name) => {
            let name = name.trim_ascii_end().strip_suffix(b"\"")?;
            Some(name.iter().rev().take_while(|&&b| b == b'\\').count())
        }
        (b'[' | b',', _) if matches!(after, Some(b',' | b']')) => {
            let is_json = matches!(run.first(), Some(b'{' | b'['));
            let quotes = memchr::memchr_iter(b'"', before);
            let unescaped = quotes.filter(|&at| at == 0 || byte(before, at - 1) != b'\\');
            (is_json && unescaped.count() % 2 == 0).then_some(0)
        }
        _ => None,
    }
}

fn is_card(text: &[u8]) -> bool {
    let mut digits = [0_u8; 19];
    let mut count = 0;
    for digit in text.iter().filter(|b| b.is_ascii_digit()) {
        let Some(slot) = digits.get_mut(count) else { return false };
        *slot = digit - b'0';
        count += 1;
    }
    let digits = digits.get(..count).unwrap_or_default();
    let number = |length: usize| {
        digits.iter().take(length).fold(0_u32, |sum, &digit| 10 * sum + u32::from(digit))
    };
    let (two, three, four) = (number(2), number(3), number(4));
    let is_issued = match digits.len() {
        14 => matches!(three, 300..=305) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131),
        16..=19 => {
            two / 10 == 4 || matches!(two, 50..=59 | 60..=69 | 35) || (2221..=2720).contains(&four)
        }
        _ => false,
    };
    is_issued && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, &digit)| u32::from(if n % 2 == 1 { doubled(digit) } else { digit }))
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != 0)
}

//! Making room in a table: which of its entries say least.

/// Tells of each of `worths`, asked once for each in any order, whether it goes so that `kept` of them stay: those
/// that are worth least. None where all may stay.
pub(crate) fn least<T: Copy + Ord>(
    mut worths: Vec<T>,
    kept: usize,
) -> Option<impl FnMut(T) -> bool> {
    let go = worths.len().saturating_sub(kept);
    let (less, &mut most, _) = worths.select_nth_unstable(go.checked_sub(1)?);
    // Of those that are worth as much as the last one that goes, as many as have to.
    let mut alike = go - less.iter().filter(|worth| **worth < most).count();
    Some(move |worth| {
        let is_alike = worth == most && alike > 0;
        alike -= usize::from(is_alike);
        is_alike || worth < most
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_worth_least_goes_whatever_the_order() {
        for worths in [[3, 3, 1, 3, 2, 9], [9, 3, 3, 3, 2, 1], [1, 2, 3, 9, 3, 3]] {
            let mut goes = least(worths.to_vec(), 3).expect("three have to");
            let mut stay: Vec<i32> = worths.into_iter().filter(|worth| !goes(*worth)).collect();
            stay.sort_unstable();
            assert_eq!(stay, [3, 3, 9], "{worths:?}");
        }
        assert!(least(vec![1, 2], 2).is_none());
    }
}

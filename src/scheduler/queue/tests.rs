//! Tests of the queue, with the reference's numbers.

use super::*;

fn queue() -> Queue {
    Queue::new(Span::from_secs(1), Span::from_secs(10), Span::from_secs(300))
}

fn at(seconds: f64) -> Time {
    Time((seconds * 1e9) as u64)
}

#[test]
fn higher_priority_first_then_who_came_first() {
    let mut queue = queue();
    queue.add(PodId(1), 0, 0, false, at(0.0));
    queue.add(PodId(2), 0, 0, false, at(0.0));
    queue.add(PodId(3), 5, 0, false, at(1.0));
    let order: Vec<_> = std::iter::from_fn(|| queue.pop(at(2.0))).collect();
    assert_eq!(order, [PodId(3), PodId(1), PodId(2)]);
}

#[test]
fn backoff_ends_one_second_after_the_floored_expiry() {
    // reference 1.3: failed at 10.3 with n = 1: expiry 11, leaves at 12.0
    let mut queue = queue();
    queue.add(PodId(1), 0, 0, false, at(0.0));
    queue.pop(at(10.3));
    queue.error(PodId(1), at(10.3));
    assert_eq!(queue.next_wake(at(10.4)), at(12.0));
    assert_eq!(queue.pop(at(11.9)), None);
    assert_eq!(queue.pop(at(12.0)), Some(PodId(1)));
}

#[test]
fn idle_queue_pops_from_backoff_at_once() {
    let mut queue = queue();
    queue.add(PodId(1), 0, 0, false, at(0.0));
    queue.pop(at(0.0));
    queue.fail(PodId(1), 1, at(0.1));
    assert_eq!(queue.pop(at(0.2)), None, "it waits for an event");
    queue.wake(1, at(0.3), |_, _| true);
    assert_eq!(queue.get(PodId(1)).map(|queued| queued.place), Some(Place::Backoff));
    assert_eq!(queue.pop(at(0.4)), Some(PodId(1)));
}

#[test]
fn unschedulable_pods_leave_on_the_half_minute_after_five_minutes() {
    // reference 10: failed at 10: moves at 330
    let mut queue = queue();
    queue.add(PodId(1), 0, 0, false, at(10.0));
    queue.pop(at(10.0));
    queue.fail(PodId(1), 1, at(10.0));
    assert_eq!(queue.next_wake(at(11.0)), at(330.0));
    assert_eq!(queue.pop(at(300.0)), None);
    assert_eq!(queue.pop(at(330.0)), Some(PodId(1)));
}

#[test]
fn only_pods_rejected_by_a_concerned_plugin_are_asked() {
    let mut queue = queue();
    for (pod, plugins) in [(1, 0b01), (2, 0b10)] {
        queue.add(PodId(pod), 0, 0, false, at(0.0));
        queue.pop(at(0.0));
        queue.fail(PodId(pod), plugins, at(0.0));
    }
    let mut asked = Vec::new();
    queue.wake(0b10, at(1.0), |pod, _| {
        asked.push(pod);
        false
    });
    assert_eq!(asked, [PodId(2)]);
}

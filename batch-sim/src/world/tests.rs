//! Batch without HTTP: what its methods answer, by table.

use super::*;

fn at(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

fn world(jobs: impl IntoIterator<Item = Job>) -> World {
    let mut world = World::default();
    for job in jobs {
        world.add(job, at(0));
    }
    world
}

fn strings(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn typed_answers_show_what_the_wire_would() {
    let mut world = world([Job::new("a").queue("q"), Job::new("p").array([JobStatus::Running])]);
    world.set_settings(Settings { flag_during_lag: false, ..Settings::default() }, at(0));
    world.add(Job::new("slow").lag(crate::CancelLag::Polls(1)), at(0));
    let answer = world.stop_jobs(Verb::Cancel, &["a", "slow", "nobody"], "ours", at(5)).unwrap();
    assert_eq!(answer, BulkAnswer { successful: strings(&["a", "slow", "nobody"]), errors: vec![] });

    let shown = world.describe_jobs(&["nobody", "slow", "a", "p"], at(6)).unwrap();
    let seen: Vec<_> = shown.iter().map(|j| (&*j.id, j.status, j.is_cancelled)).collect();
    let (runnable, failed, pending) = (JobStatus::Runnable, JobStatus::Failed, JobStatus::Pending);
    let expect = [("slow", runnable, Some(false)), ("a", failed, Some(true)), ("p", pending, Some(false))];
    assert_eq!(seen, expect);
    assert_eq!(shown[1].queue.as_deref(), Some("arn:aws:batch:us-east-1:123456789012:job-queue/q"));
    assert_eq!((shown[1].status_reason.as_deref(), shown[1].stopped_at), (Some("ours"), Some(5)));

    let page = world.list_jobs(&ListQuery::array("p"), at(7)).unwrap();
    assert_eq!((&*page.jobs[0].id, &page.jobs[0].queue, page.next), ("p:0", &None, None));
    assert_eq!(world.job("slow", at(7)).unwrap().status, failed);
}

#[test]
fn the_same_calls_at_the_same_moments_have_the_same_results() {
    let run = || {
        let mut world = world((0..50).map(|n| Job::new(format!("{n}"))));
        world.fault(Fault::item("ThrottlingException", "slow").rate(0.3), at(0));
        let ids: Vec<_> = (0..50).map(|n| n.to_string()).collect();
        let mut errors = Vec::new();
        for ms in 0..3 {
            errors.push(world.stop_jobs(Verb::Terminate, &ids, "ours", at(ms)).unwrap().errors.len());
        }
        (errors, world.jobs(at(3)))
    };
    assert_eq!(run(), run());
}

#[test]
fn a_call_can_be_refused() {
    let mut world = world([Job::new("a")]);
    let refused = |result: Result<(), Refusal>| matches!(result, Err(Refusal::Client(_)));
    assert!(refused(world.stop_job(Verb::Cancel, "", "r", at(0))));
    assert!(refused(world.stop_job(Verb::Cancel, "a", "", at(0))));
    assert!(refused(world.stop_jobs(Verb::Cancel, &["a"; 51], "r", at(0)).map(|_| ())));
    assert!(refused(world.describe_jobs(&["a"; 101], at(0)).map(|_| ())));
    world.set_settings(Settings { bulk: Bulk::Missing403, ..Settings::default() }, at(0));
    assert_eq!(world.stop_jobs(Verb::Cancel, &["a"], "r", at(0)), Err(Refusal::NoSuchCall));
    assert_eq!(world.job("a", at(0)).unwrap().status, JobStatus::Runnable);
}

#[test]
fn what_befalls_a_call_is_told_to_who_asks() {
    let mut world = world([]);
    world.fault(Fault::server_error().for_the_first(std::time::Duration::from_secs(5)), at(1000));
    let blow = Some(crate::Blow { kind: Fault::server_error().kind, carried_out: false, job: None });
    for (ms, expect) in [(1000, blow.clone()), (5999, blow), (6000, None)] {
        assert_eq!(world.befall(Operation::CancelJob, &["a"], at(ms)).blow, expect, "{ms}");
    }
}

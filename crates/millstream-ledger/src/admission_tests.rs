use super::*;

/// Numbers that look like chance and are the same for the same seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as u32 % limit
    }
}

const LIMITS: [u32; 4] = [1, 2, 4, 7];

fn resource(number: u32) -> Resource {
    match number {
        0 => Resource::Mutex("m".to_owned()),
        number => Resource::Pool(format!("p{number}")),
    }
}

fn share(number: u32, slots: u32) -> Share {
    Share { resource: resource(number), slots, limit: LIMITS[number as usize] }
}

fn waiter(number: u32, priority: i32, shares: Vec<Share>) -> Waiter {
    Waiter {
        run: RunId::new(),
        asset: format!("table:main.t{number}").parse().expect("it is a key"),
        rank: Rank::new(priority, None, Timestamp::from_micros(i64::from(number))),
        shares,
    }
}

fn occupants_of(waiter: &Waiter) -> Vec<Occupant> {
    let occupant = |share: &Share| Occupant {
        run: waiter.run,
        asset: waiter.asset.clone(),
        resource: share.resource.clone(),
        slots: wanted(share),
    };
    waiter.shares.iter().map(occupant).collect()
}

fn any_waiters(chance: &mut Chance) -> Vec<Waiter> {
    let any = |chance: &mut Chance, number| {
        let shares = (0..4).filter_map(|it| {
            let slots = chance.below(9);
            (chance.below(3) == 0 && slots > 0).then(|| share(it, slots))
        });
        let shares: Vec<Share> = shares.collect();
        waiter(number, chance.below(3) as i32, shares)
    };
    let number = chance.below(12);
    let all = (0..number).map(|number| any(chance, number));
    all.filter(|waiter| !waiter.shares.is_empty()).collect()
}

/// Lets steps begin and end by chance, as several processes would.
fn for_any_moment(mut check: impl FnMut(&[Occupant], &[Waiter], &BTreeSet<(RunId, AssetKey)>)) {
    for seed in 1..400 {
        let mut chance = Chance(seed);
        let mut waiting = any_waiters(&mut chance);
        let mut working: Vec<Waiter> = Vec::new();
        for _ in 0..200 {
            let occupants: Vec<Occupant> = working.iter().flat_map(occupants_of).collect();
            let ready = admitted(&occupants, &waiting);
            check(&occupants, &waiting, &ready);
            if waiting.is_empty() && working.is_empty() {
                break;
            }
            match working.len() {
                some if some > 0 && (ready.is_empty() || chance.below(2) == 0) => {
                    working.swap_remove(chance.below(some as u32) as usize);
                }
                _ => {
                    let begins = waiting.iter().position(|it| ready.contains(&it.key()));
                    working.extend(begins.map(|position| waiting.remove(position)));
                }
            }
        }
        assert!(waiting.is_empty(), "seed {seed}: steps wait for ever: {waiting:?}");
    }
}

#[test]
fn all_steps_have_their_turn_and_no_limit_is_passed() {
    for_any_moment(|occupants, waiting, ready| {
        let begun = waiting.iter().filter(|waiter| ready.contains(&waiter.key()));
        let all: Vec<Occupant> =
            occupants.iter().cloned().chain(begun.flat_map(occupants_of)).collect();
        for (number, limit) in LIMITS.into_iter().enumerate() {
            let resource = resource(number as u32);
            assert!(taken(&all).get(&resource).is_none_or(|taken| *taken <= limit));
        }
    });
}

#[test]
fn the_first_for_all_that_it_wants_begins_as_soon_as_there_is_room() {
    for_any_moment(|occupants, waiting, ready| {
        let Some(first) = waiting.iter().min_by_key(|waiter| waiter.rank) else { return };
        let fits_now = first.shares.iter().all(|share| fits(share, &taken(occupants)));
        assert_eq!(ready.contains(&first.key()), fits_now);
    });
}

#[test]
fn those_that_wait_are_told_for_what_and_others_are_not() {
    for_any_moment(|occupants, waiting, ready| {
        for waiter in waiting {
            let wait = wait_of(waiter, occupants, waiting);
            assert_eq!(wait.is_none(), ready.contains(&waiter.key()));
            assert!(wait.is_none_or(|wait| !wait.by.is_empty() || wait.ahead > 0));
        }
    });
}

#[test]
fn small_steps_do_not_starve_a_large_one() {
    let small = waiter(0, 0, vec![share(2, 1)]);
    let (large, late) = (waiter(1, 0, vec![share(2, 4)]), waiter(2, 0, vec![share(2, 1)]));
    let ready = admitted(&occupants_of(&small), &[large, late]);
    assert!(ready.is_empty(), "{ready:?}");
}

#[test]
fn a_step_that_waits_for_a_mutex_keeps_no_slots_of_a_pool() {
    let holder = waiter(0, 0, vec![share(0, 1)]);
    let both = waiter(1, 5, vec![share(0, 1), share(1, 2)]);
    let pool_only = waiter(2, 0, vec![share(1, 2)]);
    let ready = admitted(&occupants_of(&holder), &[both, pool_only.clone()]);
    assert_eq!(ready, [pool_only.key()].into());
}

#[test]
fn of_those_that_wait_the_most_urgent_begins() {
    let (low, high) = (waiter(0, 0, vec![share(0, 1)]), waiter(1, 9, vec![share(0, 1)]));
    let mut due = waiter(2, 9, vec![share(0, 1)]);
    due.rank = Rank::new(9, Some(Timestamp::from_micros(5)), Timestamp::from_micros(2));
    assert_eq!(admitted(&[], &[low.clone(), high.clone(), due.clone()]), [due.key()].into());
    assert_eq!(admitted(&[], &[low, high.clone()]), [high.key()].into());
}

#[test]
fn who_wants_more_than_there_is_takes_all() {
    let greedy = waiter(0, 0, vec![share(2, 99)]);
    assert_eq!(admitted(&[], std::slice::from_ref(&greedy)), [greedy.key()].into());
}

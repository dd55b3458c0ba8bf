//! Who buys: traits that a customer keeps for life. They are what a model has to find out.

use super::catalog::CATEGORIES;
use super::random::{Domain, Draws};

pub(super) const COUNTRIES: [&str; 8] = ["DE", "FR", "US", "GB", "NL", "ES", "PL", "AT"];
const COUNTRY_WEIGHTS: [u32; 8] = [24, 16, 20, 12, 8, 8, 8, 4];
pub(super) const SEGMENTS: [&str; 3] = ["consumer", "business", "student"];
const SEGMENT_WEIGHTS: [u32; 3] = [66, 20, 14];
const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bela", "Clara", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Karin",
    "Liam", "Mira", "Noah", "Olga", "Paul",
];
const LAST_NAMES: [&str; 16] = [
    "Abel", "Berg", "Costa", "Dahl", "Engel", "Ferrari", "Gruber", "Hart", "Ito", "Jansen",
    "Kowalski", "Lopez", "Meyer", "Novak", "Okafor", "Petit",
];

/// The first sign-ups, in days before the shop's day 0.
const SIGNUP_DAYS_BEFORE: i32 = 400;
const SIGNUP_DAYS: u32 = 790;
/// One customer of this many has no email.
const NO_EMAIL_ONE_IN: u32 = 50;

/// A customer and what drives them.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: i64,
    pub(super) seed: u64,
    pub(super) signup_day: i32,
    pub(super) country: &'static str,
    pub(super) segment: &'static str,
    pub(super) has_email: bool,
    /// Category of most purchases.
    pub(super) favorite: u32,
    /// Wish to buy, in 65,536ths per day, before the season and the cycle speak.
    pub(super) wish: u32,
    /// Waits for discounts.
    pub(super) bargain_hunter: bool,
    /// Visits without a wish, in 65,536ths per day.
    pub(super) curiosity: u32,
    first_name: &'static str,
    last_name: &'static str,
}

impl Customer {
    /// The customer of a number, from 1.
    pub(super) fn new(seed: u64, id: i64) -> Self {
        let mut draws = Draws::at(seed, Domain::Customer, id as u64);
        let luck = u64::from(draws.below(1000));
        let segment = weighted(&SEGMENT_WEIGHTS, draws.below(100));
        let loyalty = [100, 145, 70][segment];
        Self {
            id,
            seed,
            signup_day: draws.below(SIGNUP_DAYS) as i32 - SIGNUP_DAYS_BEFORE,
            country: COUNTRIES[weighted(&COUNTRY_WEIGHTS, draws.below(100))],
            segment: SEGMENTS[segment],
            has_email: draws.below(NO_EMAIL_ONE_IN) != 0,
            favorite: draws.below(CATEGORIES.len() as u32),
            // Few customers make most orders: a cube between 130 and 5,100.
            wish: (130 + (luck * luck * luck) as u32 / 200_000) * loyalty / 100,
            bargain_hunter: draws.below(10) < 3,
            curiosity: 300 + draws.below(64).pow(2),
            first_name: FIRST_NAMES[draws.below(16) as usize],
            last_name: LAST_NAMES[draws.below(16) as usize],
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    pub(super) fn email(&self) -> Option<String> {
        self.has_email.then(|| {
            let (first, last) = (self.first_name, self.last_name);
            format!("{first}.{last}.{}@example.com", self.id).to_lowercase()
        })
    }
}

/// The index whose share of the weights holds the point; the weights add up to 100.
fn weighted(weights: &[u32], point: u32) -> usize {
    let mut end = 0;
    weights
        .iter()
        .position(|weight| {
            end += weight;
            point < end
        })
        .unwrap_or(0)
}

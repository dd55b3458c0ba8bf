//! What the shop sells.

use super::random::{Domain, Draws, draw, skewed};

/// A category: its name, the days after which its buyers usually come back, and its price range in
/// cents.
#[derive(Debug)]
pub(super) struct Category {
    pub(super) name: &'static str,
    pub(super) cycle_days: u32,
    cents_min: u32,
    cents_range: u32,
    nouns: [&'static str; 4],
}

/// All categories. A product's category is its number modulo their count.
pub(super) const CATEGORIES: [Category; 8] = [
    category("coffee", 24, 690, 2_400, ["Espresso", "Filter Blend", "Cold Brew", "Decaf"]),
    category("pet_food", 30, 490, 5_200, ["Kibble", "Terrine", "Chews", "Treats"]),
    category("cosmetics", 48, 590, 6_500, ["Cream", "Serum", "Shampoo", "Soap"]),
    category("books", 60, 890, 3_600, ["Novel", "Atlas", "Cookbook", "Primer"]),
    category("clothing", 75, 1_290, 14_000, ["Jacket", "Shirt", "Trousers", "Scarf"]),
    category("toys", 95, 790, 9_000, ["Puzzle", "Blocks", "Kite", "Train"]),
    category("garden", 120, 990, 22_000, ["Shears", "Planter", "Hose", "Lantern"]),
    category("electronics", 150, 2_490, 90_000, ["Headphones", "Charger", "Speaker", "Keyboard"]),
];

const ADJECTIVES: [&str; 8] =
    ["Amber", "Quiet", "North", "Simple", "Bold", "Little", "River", "Evening"];

const fn category(
    name: &'static str,
    cycle_days: u32,
    cents_min: u32,
    cents_range: u32,
    nouns: [&'static str; 4],
) -> Category {
    Category { name, cycle_days, cents_min, cents_range, nouns }
}

/// All products with their prices. Even at scale 1000 there are only 12,648.
#[derive(Debug)]
pub(super) struct Catalog {
    prices_cents: Vec<i64>,
    per_category: u32,
}

impl Catalog {
    pub(super) fn new(seed: u64, per_category: u32) -> Self {
        let count = per_category as usize * CATEGORIES.len();
        let price = |index: usize| {
            let category = &CATEGORIES[index % CATEGORIES.len()];
            let bits = draw(seed, Domain::Product, index as u64);
            i64::from(category.cents_min + skewed(bits >> 32, category.cents_range))
        };
        Self { prices_cents: (0..count).map(price).collect(), per_category }
    }

    /// Price in cents of a product of this catalog.
    pub(super) fn price_cents(&self, product: i64) -> i64 {
        self.prices_cents[(product - 1) as usize]
    }

    /// A product of a category; the first ones sell best.
    pub(super) fn pick(&self, category: u32, bits: u64) -> i64 {
        let rank = skewed(bits, self.per_category);
        i64::from(rank) * CATEGORIES.len() as i64 + i64::from(category) + 1
    }
}

/// Category of a product.
pub(super) fn category_of(product: i64) -> &'static Category {
    &CATEGORIES[(product - 1) as usize % CATEGORIES.len()]
}

/// Name of a product.
pub(super) fn name_of(seed: u64, product: i64) -> String {
    let mut draws = Draws::at(seed, Domain::Product, (1 << 40) + product as u64);
    let adjective = ADJECTIVES[draws.below(8) as usize];
    let noun = category_of(product).nouns[draws.below(4) as usize];
    format!("{adjective} {noun} {product}")
}

//! Decimals with operators between them. Results have 28 digits, as in Python.

use std::cmp::Ordering;

use millstream_jinja::BinaryOp;
use num_bigint::{BigInt, Sign};

use super::Decimal;
use super::text::{digits, power_of_ten};

/// Digits that the result of an operation has at most.
const PRECISION: i64 = 28;
/// The largest exponent of a power.
const POWER_MAX: i128 = 5_000;
/// Digits that an exact power has at most.
const POWER_DIGITS_MAX: i64 = 20_000;

impl Decimal {
    /// What an operator gives, or why it gives nothing.
    pub(super) fn calculate(&self, op: BinaryOp, other: &Self) -> Result<Self, &'static str> {
        let divides = matches!(op, BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder);
        if divides && other.is_zero() {
            return Err("division by zero");
        }
        let result = match op {
            BinaryOp::Add => self.plus(other),
            BinaryOp::Subtract => {
                let coefficient = -other.coefficient.clone();
                self.plus(&Self { coefficient, exponent: other.exponent })
            }
            BinaryOp::Multiply => Self {
                coefficient: &self.coefficient * &other.coefficient,
                exponent: self.exponent + other.exponent,
            },
            BinaryOp::Divide => self.divided(other),
            BinaryOp::FloorDivide => {
                let (a, b, _) = self.aligned(other);
                Self { coefficient: a / b, exponent: 0 }
            }
            BinaryOp::Remainder => {
                let (a, b, exponent) = self.aligned(other);
                Self { coefficient: a % b, exponent }
            }
            BinaryOp::Power => return self.power(other),
        };
        Ok(result.limited())
    }

    /// Which of two numbers is larger.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (a, b, _) = self.aligned(other);
        a.cmp(&b)
    }

    /// The number with this exponent; what is half-way goes to the even digit.
    pub(super) fn with_exponent(&self, exponent: i64) -> Self {
        let dropped = exponent - self.exponent;
        let coefficient = if dropped <= 0 {
            &self.coefficient * power_of_ten(-dropped)
        } else {
            divided_half_even(&self.coefficient, &power_of_ten(dropped))
        };
        Self { coefficient, exponent }
    }

    /// Without zeros at the end.
    pub(super) fn normalized(&self) -> Self {
        if self.is_zero() {
            return Self::of_int(0);
        }
        let written = self.coefficient.to_string();
        let zeros = written.len() - written.trim_end_matches('0').len();
        let exponent = self.exponent + zeros as i64;
        Self { coefficient: &self.coefficient / power_of_ten(zeros as i64), exponent }
    }

    /// Both coefficients at the same exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let at = |number: &Self| &number.coefficient * power_of_ten(number.exponent - exponent);
        (at(self), at(other), exponent)
    }

    fn plus(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.aligned(other);
        Self { coefficient: a + b, exponent }
    }

    /// The quotient: as short as it can be if it is exact, else with all digits.
    fn divided(&self, other: &Self) -> Self {
        let ideal = self.exponent - other.exponent;
        let more = PRECISION + 2 + digits(&other.coefficient) - digits(&self.coefficient);
        let more = more.max(0);
        let scaled = &self.coefficient * power_of_ten(more);
        let quotient = &scaled / &other.coefficient;
        let exact = &quotient * &other.coefficient == scaled;
        if !exact {
            // A digit that is not zero tells rounding that something follows.
            let sticky = if quotient.sign() == Sign::Minus { -1 } else { 1 };
            let coefficient = quotient * 10 + sticky;
            return Self { coefficient, exponent: ideal - more - 1 };
        }
        let mut result = Self { coefficient: quotient, exponent: ideal - more };
        while result.exponent < ideal && (&result.coefficient % 10_u8).sign() == Sign::NoSign {
            result =
                Self { coefficient: result.coefficient / 10_u8, exponent: result.exponent + 1 };
        }
        result
    }

    fn power(&self, other: &Self) -> Result<Self, &'static str> {
        let exponent = other.to_int().filter(|whole| Self::of_int(*whole) == *other);
        let Some(exponent) = exponent.filter(|exponent| exponent.abs() <= POWER_MAX) else {
            return Err("a power of a decimal has a small whole number as exponent");
        };
        let times = exponent.unsigned_abs() as u32;
        if digits(&self.coefficient) * i64::from(times) > POWER_DIGITS_MAX {
            return Err("this power has too many digits");
        }
        let result = Self {
            coefficient: self.coefficient.pow(times),
            exponent: self.exponent * i64::from(times),
        };
        if exponent < 0 {
            return Self::of_int(1).calculate(BinaryOp::Divide, &result);
        }
        Ok(result.limited())
    }

    /// With as many digits as results have.
    fn limited(self) -> Self {
        let surplus = digits(&self.coefficient) - PRECISION;
        if surplus <= 0 {
            return self;
        }
        // Rounding up can make one digit more: 9.99 becomes 10.0.
        let rounded = self.with_exponent(self.exponent + surplus);
        if digits(&rounded.coefficient) > PRECISION {
            return rounded.with_exponent(rounded.exponent + 1);
        }
        rounded
    }
}

fn divided_half_even(number: &BigInt, by: &BigInt) -> BigInt {
    let quotient = number / by;
    let rest = number - &quotient * by;
    let twice: BigInt = rest.magnitude().clone().into();
    let up = match (twice * 2_u8).cmp(by) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => (&quotient % 2_u8).sign() != Sign::NoSign,
    };
    match (up, number.sign()) {
        (false, _) => quotient,
        (true, Sign::Minus) => quotient - 1,
        (true, _) => quotient + 1,
    }
}

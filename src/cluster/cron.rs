//! Schedules of CronJobs: the five fields of cron, the macros and `@every`, as robfig/cron's standard
//! parser reads them (controllers.md 7). Days are by UTC.

/// When a CronJob is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many seconds.
    Every(i64),
    /// By the fields of cron, one bit for each value.
    Fields(Fields),
}

/// Minutes, hours, days of the month (from bit 1), months (from bit 1), days of the week (Sunday 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month and of the week are both restricted: then either suffices.
    either_day: bool,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let fields = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => match other.strip_prefix("@every ") {
                Some(length) => return every(length.trim()),
                None => other,
            },
        };
        Fields::parse(fields).map(Schedule::Fields)
    }

    /// The first time after `after`, both in seconds since the Unix epoch; `None` if there is none in
    /// the next five years.
    pub fn next(&self, after: i64) -> Option<i64> {
        match self {
            Schedule::Every(seconds) => Some(after + seconds),
            Schedule::Fields(fields) => fields.next(after),
        }
    }
}

/// A Go duration of whole seconds, such as `1h30m`; at least one second.
fn every(text: &str) -> Result<Schedule, String> {
    let wrong = || format!("`{text}` is not a duration such as 1h30m");
    let mut seconds = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest[digits..].chars().next() {
            Some('h') => HOUR,
            Some('m') => MINUTE,
            Some('s') => 1,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Schedule::Every(seconds.max(1))) }
}

impl Fields {
    fn parse(text: &str) -> Result<Fields, String> {
        let [minutes, hours, days, months, weekdays] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("expected five fields or a macro such as @hourly, found `{text}`"));
        };
        let is_star = |text: &str| text.starts_with('*') || text.starts_with('?');
        Ok(Fields {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: field(weekdays, 0, 6, &WEEKDAYS)?,
            either_day: !is_star(days) && !is_star(weekdays),
        })
    }

    /// Goes to the next minute that fits, skipping whole days and hours that do not.
    fn next(&self, after: i64) -> Option<i64> {
        let mut at = after - after.rem_euclid(MINUTE) + MINUTE;
        let end = after + 5 * 366 * DAY;
        while at < end {
            if !self.has_day(at.div_euclid(DAY)) {
                at = (at.div_euclid(DAY) + 1) * DAY;
            } else if !has(self.hours, at.rem_euclid(DAY) / HOUR) {
                at = (at.div_euclid(HOUR) + 1) * HOUR;
            } else if !has(self.minutes, at.rem_euclid(HOUR) / MINUTE) {
                at += MINUTE;
            } else {
                return Some(at);
            }
        }
        None
    }

    fn has_day(&self, days_since_epoch: i64) -> bool {
        let (month, day) = month_and_day(days_since_epoch);
        let by_month = has(self.days, day);
        let by_week = has(self.weekdays, (days_since_epoch + 4).rem_euclid(7)); // the epoch was a Thursday
        has(self.months, month) && if self.either_day { by_month || by_week } else { by_month && by_week }
    }
}

fn has(bits: u64, value: i64) -> bool {
    bits >> value & 1 == 1
}

/// A list of `*`, `a`, `a-b`, each with `/step`; as bits.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let value = |word: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(word)).map(|index| index as u32 + least);
        let number = named.or_else(|| word.parse().ok()).filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("`{word}` is not a number from {least} to {most}"))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((from, to)) => (value(from)?, value(to)?),
            None => (value(range)?, if step.is_some() { most } else { value(range)? }),
        };
        let step: u32 = step.map_or(Ok(1), |step| step.parse().map_err(|_| format!("`{step}` is not a step")))?;
        if step == 0 || from > to {
            return Err(format!("`{part}` is empty"));
        }
        bits |= (from..=to).step_by(step as usize).fold(0, |bits, value| bits | 1_u64 << value);
    }
    Ok(bits)
}

/// Month and day of the Gregorian calendar (after H. Hinnant's `civil_from_days`).
fn month_and_day(days_since_epoch: i64) -> (i64, i64) {
    let shifted = days_since_epoch + 719_468;
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z, a Thursday.
    const NEW_YEAR: i64 = 1_767_225_600;

    fn next(schedule: &str, after: i64) -> i64 {
        Schedule::parse(schedule).unwrap().next(NEW_YEAR + after).unwrap() - NEW_YEAR
    }

    #[test]
    fn schedules_fall_due_as_cron_says() {
        assert_eq!(next("*/1 * * * *", 20), 60);
        assert_eq!(next("*/5 * * * *", 300), 600);
        assert_eq!(next("30 4 * * *", 0), 4 * HOUR + 30 * MINUTE);
        assert_eq!(next("@monthly", 0), 31 * DAY);
        assert_eq!(next("0 0 29 2 *", 0), (365 * 2 + 31 + 28) * DAY, "2028 is a leap year");
        assert_eq!(next("0 0 * * mon", 0), 4 * DAY);
        assert_eq!(next("0 0 3 * mon", 0), 2 * DAY, "both days restricted: either suffices");
        assert_eq!(next("@every 1h30m", 7), 7 + 5400);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Schedule::parse("61 * * * *").unwrap_err(), "`61` is not a number from 0 to 59");
        assert!(Schedule::parse("* * *").is_err());
        assert!(Schedule::parse("@every").is_err());
    }
}

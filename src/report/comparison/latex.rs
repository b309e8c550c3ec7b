//! The comparison as LaTeX tables, for `\input` in a paper; needs the package `booktabs`.

use std::fmt::Write;

use crate::outcome::comparison::{Compared, Comparison};

use super::{about, blocks, confident, digits, footer, mean, p_value};

/// All tables, one a metric.
pub(super) fn page(comparison: &Comparison) -> String {
    let mut out = "% \\usepackage{booktabs}\n".to_string();
    for metric in &comparison.metrics {
        out += &one(comparison, metric);
    }
    out
}

fn one(comparison: &Comparison, metric: &Compared) -> String {
    let baseline = escaped(&comparison.arms[comparison.baseline]);
    let method =
        confident(comparison, "t intervals, paired by seed; p after Holm's correction; r matched-pairs rank-biserial");
    let mut out = format!(
        "\\begin{{table}}\n  \\caption{{{}. {}.}}\n  \\begin{{tabular}}{{lrrrrr}}\n    \\toprule\n",
        escaped(&about(metric)),
        escaped(&footer(comparison, &method))
    );
    let _ = writeln!(
        out,
        "    {} & mean & minus {baseline} & interval & $p$ & $r$ \\\\\n    \\midrule",
        escaped(&comparison.arms_are)
    );
    for (block, label) in blocks(comparison) {
        if !label.is_empty() {
            let _ = writeln!(out, "    \\multicolumn{{6}}{{l}}{{\\emph{{{}}}}} \\\\", escaped(label));
        }
        for (name, arm) in comparison.arms.iter().zip(&metric.results[block]) {
            let difference = arm.difference.as_ref().map_or(" & & & ".to_string(), |difference| {
                let mean = difference.mean;
                let p = p_value(difference.holm).replace("< ", "$<$ ");
                let [value, low, high] = [mean.value, mean.low, mean.high].map(|value| typeset(&digits(value)));
                format!("${value}$ & $[{low}, {high}]$ & {p} & ${:+.2}$", difference.rank_biserial)
            });
            let _ = writeln!(out, "    {} & {} & {difference} \\\\", escaped(name), mean(arm));
        }
    }
    out + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n\n"
}

/// `6.3e-8` as `6.3\times10^{-8}`, for mathematics.
fn typeset(number: &str) -> String {
    match number.split_once('e') {
        Some((digits, exponent)) => format!("{digits}\\times10^{{{exponent}}}"),
        None => number.to_string(),
    }
}

/// Characters that mean something to LaTeX, made harmless.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '·' => out += "$\\cdot$",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_typeset() {
        assert_eq!((typeset("-6.3e-8").as_str(), typeset("0.5").as_str()), ("-6.3\\times10^{-8}", "0.5"));
    }

    #[test]
    fn what_latex_would_understand_is_escaped() {
        assert_eq!(escaped("a_b{c=\"1\"} 95 %"), "a\\_b\\{c=\"1\"\\} 95 \\%");
        assert_eq!(escaped("x\\y^2"), "x\\textbackslash{}y\\textasciicircum{}2");
    }
}

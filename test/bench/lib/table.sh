# shellcheck shell=bash
#
# table.sh
#		From runs to rows: medians, ratios, goals.
#
# A ratio is the median of the ratios of the rounds, not the ratio of two
# medians: a slow minute of the machine then lies in both of its halves.
# Rows are kept tab-separated in RESULTS/table: figure, ours, against, ratio,
# goal, CPU, ok.  `ok` is yes, no, or - for a row that is only told.

# compare FIGURE METRIC GOAL OURS THEIRS WHAT-THEIRS-IS
#
# METRIC	ratio			shown
# rate		ours / theirs	operations per second
# time		ours / theirs	microseconds elapsed per operation
# cpu		ours / theirs	microseconds of server CPU per operation
# faster	theirs / ours	microseconds elapsed per operation
# GOAL		">= 1.7", "<= 1.4" or "-"
compare()
{
	paste -d ' ' "$RESULTS/$4" "$RESULTS/$5" | awk -v figure="$1" -v metric="$2" \
		-v goal="$3" -v what="$6" '
		function median(a, n,    i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && a[j] < a[j - 1]; j--) {
					t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
				}
			return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
		}
		function value(operations, seconds, cpu) {
			if (metric == "rate")
				return operations / seconds
			return (metric == "cpu" ? cpu : seconds * 1e6) / operations
		}
		function show(v) {
			if (metric == "rate")
				return sprintf("%.0f/s", v)
			return sprintf(v < 100 ? "%.1f us" : "%.0f us", v)
		}
		NF == 6 {
			n++
			ours[n] = value($1, $2, $3)
			theirs[n] = value($4, $5, $6)
			ratio[n] = metric == "faster" ? theirs[n] / ours[n] : ours[n] / theirs[n]
			cpu_ours[n] = $3 / $1
			cpu_theirs[n] = $6 / $4
		}
		END {
			if (n == 0)
				exit 1
			r = median(ratio, n)
			split(goal, g, " ")
			ok = goal == "-" ? "-" : (g[1] == ">=" ? r >= g[2] : r <= g[2]) ? "yes" : "no"
			printf "%s\t%s\t%s %s\t%.2f\t%s\t%.1f / %.1f\t%s\n", figure, show(median(ours, n)),
				show(median(theirs, n)), what, r, goal, median(cpu_ours, n),
				median(cpu_theirs, n), ok
		}' | add_row
}

# row FIGURE OURS AGAINST RATIO GOAL CPU OK
row()
{
	local IFS=$'\t'

	printf '%s\n' "$*" | add_row
}

add_row()
{
	tee -a "$RESULTS/table" | awk -F '\t' '{ print "    " $1 ": " $2 " against " $3 ", ratio " $4 }' >&2
}

print_table()
{
	awk -F '\t' '
		{
			for (i = 1; i <= NF; i++) {
				cell[NR, i] = $i
				if (length($i) > width[i])
					width[i] = length($i)
			}
		}
		END {
			for (r = 1; r <= NR; r++) {
				line = ""
				for (i = 1; i <= 7; i++)
					line = line (i > 1 ? " | " : "") sprintf("%-" width[i] "s", cell[r, i])
				sub(/ +$/, "", line)
				print line
				if (r == 1) {
					gsub(/[^|]/, "-", line)
					gsub(/\|/, "+", line)
					print line
				}
			}
		}' <(table_head) "$RESULTS/table"
}

print_csv()
{
	awk -F '\t' '{
		for (i = 1; i <= NF; i++) {
			gsub(/"/, "\"\"", $i)
			printf "%s\"%s\"", (i > 1 ? "," : ""), $i
		}
		print ""
	}' <(table_head) "$RESULTS/table"
}

table_head()
{
	printf 'figure\tours\tagainst\tratio\tgoal\tus CPU ours / theirs\tok?\n'
}

package letterhead

is_html if {
	some line in input.fields["content-type"]
	startswith(lower(line), "text/html")
}

directives := {trim_space(part) |
	some line in input.fields["cache-control"]
	some part in split(line, ",")
}

names := object.keys(input.fields)

deny contains msg if {
	"public" in directives
	input.fields["set-cookie"]
	msg := sprintf("%s sets a cookie on a response that caches share", [input.request.path])
}

deny contains "html without a policy" if {
	is_html
	not input.fields["content-security-policy"]
}

deny contains msg if {
	input.request.scheme == "https"
	not input.fields["strict-transport-security"]
	msg := sprintf("%v: no HSTS on %d", [object.get(input.request, "host", "?"), input.status])
}

deny contains msg if {
	some directive in directives
	startswith(directive, "max-age=")
	age := to_number(trim_prefix(directive, "max-age="))
	age > 3600
	input.status >= 400
	msg := sprintf("an error for %d seconds: %v", [age, directives])
}

deny contains msg if {
	some name, lines in input.fields
	startswith(name, "x-internal")
	msg := concat(" ", ["leaks", name, upper(concat(",", lines))])
}

deny contains {"msg": msg, "status": 503} if {
	count(names) > 8
	every name in names {
		name != "retry-after"
	}
	msg := sprintf("%d fields", [count(names)])
}

deny contains msg if {
	some name, lines in input.fields
	count(lines) > 1
	not name in {"set-cookie", "vary", "cache-control"}
	msg := sprintf("%s has %d lines", [name, count(lines)])
}

deny contains input.fields["x-reason"][_] if input.status == 403

deny contains msg if {
	input.request.method == "HEAD"
	msg := {true: "head of an error", false: "head"}[input.status >= 400]
}

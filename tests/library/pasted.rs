fn the_schedule_again() {
    crosswire::explore(factory)
        .user("alice", [("password", "[secret]")])
        .user("bob", [("password", "[secret]")])
        .duration(std::time::Duration::from_secs(3600))
        .preemptions(2)
        .cancel()
        .session_header("x-shop.user", "{{ user.name }}")
        .setup(Step::post("log in", "/login").login().form([("user", "{{ user.name }}"), ("password", "{{ user.password }}")]).status(303))
        .each_round(Step::put("fill the basket", "/basket").text("{{ secret('basket') }}"))
        .request("alice", Step::get("pay", "/basket").sees(["basket"]))
        .request("bob", Step::get("pay", "/basket").sees(["basket"]))
        .schedule("xw1:…")
        .run()
        .assert_isolated();
}

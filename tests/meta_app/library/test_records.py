"""The records stage says honestly that it comes later."""


def test_the_page_says_what_comes_and_what_to_do_today(project, viewer, sign_in):
    page = sign_in(viewer).get(f"/projects/{project.pk}/records/").content.decode()
    assert "comes later" in page
    assert "What to do today" in page
    assert f"/projects/{project.pk}/prisma/" in page

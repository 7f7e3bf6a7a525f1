"The web app of a bundle: a photo in, species, breed and a shampoo out. Gradio, `petclf.answers` and nothing heavier."
